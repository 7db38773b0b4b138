"""What a browser would save an answer of the API as."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/v1/me", "/api/v1/campaigns?fields=id&x=run.bat", "/api/v1/none/setup.bat"])
def test_json_has_one_name_whatever_the_address_says(as_bob: Client, address: str) -> None:
    response = as_bob.get(address)
    assert "json" in response["Content-Type"]
    assert response["Content-Disposition"] == 'inline; filename="api.json"'


@pytest.mark.django_db
def test_files_keep_their_own_names_and_pages_have_none(as_bob: Client) -> None:
    assert "attachment" in as_bob.get("/api/v1/campaigns?format=csv")["Content-Disposition"]
    assert "Content-Disposition" not in as_bob.get("/admin/").headers
