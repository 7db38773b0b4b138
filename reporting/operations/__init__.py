"""What is asked from outside of a running service: is it alive, is it ready, how is it doing."""
