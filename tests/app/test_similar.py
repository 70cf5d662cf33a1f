"""Neighbours over HTTP: the answers, and the input that is refused."""

import pytest
from fastapi.testclient import TestClient

from tests.app.builders import put, similar_ids


def three(client: TestClient) -> None:
    put(client, "lamp", "a lamp in a tower by the harbour")
    put(client, "tower", "a tower by the harbour with a bell")
    put(client, "train", "steam engines pull coal across plains")


def test_an_item_is_never_its_own_neighbour(both: TestClient) -> None:
    three(both)
    assert similar_ids(both, "lamp") == ["tower", "train"]


def test_scores_fall_and_ranks_count_from_one(client: TestClient) -> None:
    three(client)
    found = client.get("/v1/items/lamp/similar").json()["neighbours"]
    assert [n["rank"] for n in found] == [1, 2]
    assert 1 >= found[0]["score"] > found[1]["score"] >= 0


def test_identical_texts_score_one_and_sort_by_id(client: TestClient) -> None:
    for item_id in ("c", "a", "b"):
        put(client, item_id, title="Twins", description="the same words")
    found = client.get("/v1/items/b/similar").json()["neighbours"]
    assert [(n["item"]["id"], n["score"]) for n in found] == [("a", 1.0), ("c", 1.0)]


def test_limit_cuts_the_list(client: TestClient) -> None:
    three(client)
    assert similar_ids(client, "lamp", limit=1) == ["tower"]


def test_free_text_finds_the_nearest(both: TestClient) -> None:
    three(both)
    answer = both.post("/v1/similar", json={"text": "coal and steam engines", "limit": 1}).json()
    assert [n["item"]["id"] for n in answer["neighbours"]] == ["train"]
    assert answer["warnings"] == []


def test_text_longer_than_the_model_reads_is_answered_with_a_warning(client: TestClient) -> None:
    three(client)
    answer = client.post("/v1/similar", json={"text": "coal " * 80}).json()
    assert answer["neighbours"][0]["item"]["id"] == "train"
    assert answer["warnings"][0]["code"] == "text_truncated"
    assert "first 50 of 80 tokens" in answer["warnings"][0]["detail"]


def test_an_empty_catalogue_has_no_neighbours(client: TestClient) -> None:
    assert client.post("/v1/similar", json={"text": "anything"}).json()["neighbours"] == []


def test_unknown_item_is_named(client: TestClient) -> None:
    response = client.get("/v1/items/nobody/similar")
    assert response.status_code == 404
    assert response.json()["code"] == "item_not_found"
    assert "'nobody'" in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "field", "bound"),
    [
        ("limit=0", "query.limit", "greater than or equal to 1"),
        ("limit=10000", "query.limit", "less than or equal to 100"),
        ("limit=ten", "query.limit", "valid integer"),
        ("limt=5", "query.limt", "Extra inputs"),
    ],
)
def test_bad_query_names_field_and_bound(
    client: TestClient, query: str, field: str, bound: str
) -> None:
    response = client.get(f"/v1/items/x/similar?{query}")
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert bound in error["message"]


@pytest.mark.parametrize(
    ("body", "field", "bound"),
    [
        ({"text": ""}, "body.text", "at least 1 character"),
        ({"text": " \n\t"}, "body.text", "white space"),
        ({"text": "x" * 100_001}, "body.text", "at most 100000"),
        ({"text": 5}, "body.text", "valid string"),
        ({"text": "x", "limit": 0}, "body.limit", "greater than or equal to 1"),
        ({"text": "x", "limit": 10_000}, "body.limit", "less than or equal to 100"),
        ({"text": "x", "limit": "5"}, "body.limit", "valid integer"),
        ({"text": "x", "k": 5}, "body.k", "Extra inputs"),
        ({"limit": 5}, "body.text", "required"),
        ([1], "body", "valid dictionary"),
    ],
)
def test_bad_body_names_field_and_bound(
    client: TestClient, body: object, field: str, bound: str
) -> None:
    response = client.post("/v1/similar", json=body)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["field"] == field
    assert bound in error["message"]
