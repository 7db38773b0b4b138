def explain(error):
    return None
