import pytest

from accounts.models import AdAccount
from accounts.shell.paging import list_page
from accounts.shell.request_values import NotThere
from tests.builders import make_ad_account


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "names", "has_next"),
    [(1, ["a", "b"], True), (2, ["c", "d"], False)],
)
def test_a_page_says_whether_more_follow(number, names, has_next, django_assert_num_queries):
    for name in "abcd":
        make_ad_account(name=name)
    with django_assert_num_queries(1):
        page = list_page(AdAccount.objects.order_by("name"), number=number, per_page=2)
    assert page.convert(lambda one: one.name).lines == names
    assert (page.number, page.has_next) == (number, has_next)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [3, 1_000_000])
def test_a_list_has_no_page_after_its_last(number):
    for name in "abcd":
        make_ad_account(name=name)
    with pytest.raises(NotThere, match=f"no page {number}"):
        list_page(AdAccount.objects.order_by("name"), number=number, per_page=2)


@pytest.mark.django_db
def test_an_empty_list_has_a_first_page():
    assert list_page(AdAccount.objects.order_by("name"), number=1, per_page=2).lines == []
