"""The pages for developers: their documents as HTML, every refusal, both languages, a strict policy."""

import re

import pytest

from server.core.refusals import Code
from tests.support.builders.api import Api

pytestmark = pytest.mark.asyncio
PAGES = ("/docs", "/docs/protocol", "/docs/embed", "/docs/errors")


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_in_both_languages_whose_links_lead_somewhere(api: Api, path: str) -> None:
    client = await api.client()
    zh = await client.get(path, headers={"Accept-Language": "zh-CN"})
    en = await client.get(path, params={"lang": "en"}, headers={"Accept-Language": "zh-CN"})

    assert '<html lang="zh-CN">' in zh.text
    assert '<html lang="en">' in en.text
    assert zh.headers["vary"].startswith("Accept-Language")
    assert (" style=" in en.text, "<!--" in en.text, "&lt;!--" in en.text) == (False, False, False)
    for target in re.findall(r'href="(/docs[^"#?]*)', en.text):
        assert (await client.get(target)).status_code == 200, target
    anchors = set(re.findall(r' id="([^"]+)"', en.text))
    assert set(re.findall(r'href="#([^"]+)"', en.text)) <= anchors


async def test_the_first_thing_in_the_docs_is_how_to_claim(api: Api) -> None:
    page = (await (await api.client()).get("/docs", params={"lang": "en"})).text
    assert 0 < page.index("Five minutes to the first claim") < page.index('id="document"')


async def test_the_documents_have_tables_and_no_mark_of_markdown(api: Api) -> None:
    page = (await (await api.client()).get("/docs/protocol")).text
    assert page.count("<table>") > 10
    assert not re.search(r"^\| ", page, re.MULTILINE)
    assert "**" not in re.sub(r"<(pre|code)>.*?</\1>", "", page, flags=re.DOTALL)


async def test_every_refusal_has_its_row(api: Api) -> None:
    page = (await (await api.client()).get("/docs/errors")).text
    assert re.findall(r'<tr id="(\w+)">', page).__len__() == len(Code)
    assert {code.value for code in Code} == set(re.findall(r'data-code="(\w+)"', page))


async def test_only_the_page_with_swagger_may_have_style_attributes(api: Api) -> None:
    client = await api.client()
    policies = {path: (await client.get(path)).headers["content-security-policy"] for path in PAGES}
    assert {path for path, policy in policies.items() if "unsafe-inline" in policy} == {"/docs"}
    assert all("frame-ancestors 'none'" in policy for policy in policies.values())
