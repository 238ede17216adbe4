"""Tokens: which are valid, whose they are, and when they expire."""

import base64
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.access.in_force import AccessRules
from server.core.access.rules import AccessRule, RuleKind
from server.core.identity import Identity, Role
from server.tokens import (
    AUDIENCE,
    LEEWAY_MS,
    MAX_ROOMS,
    MAX_TOKEN_CHARS,
    MAX_TOKEN_DAYS,
    Reason,
    TokenExpiredError,
    TokenInvalidError,
    TokenKeys,
    parse_common_token,
)

NOW = 1_800_000_000_000
EXP = NOW // 1000 + 60
SECRET, OLD_SECRET, FOREIGN_SECRET = "n" * 32, "o" * 32, "f" * 32
KEYS = TokenKeys((SECRET, OLD_SECRET))


def claims(**changes: object) -> dict[str, Any]:
    """A good student's; None takes one out."""
    given = {"sub": "ada", "role": "student", "rooms": ["math"], "exp": EXP, **changes}
    return {name: value for name, value in given.items() if value is not None}


def verified(**changes: object) -> Identity:
    return KEYS.verify(KEYS.sign(claims(**changes)), NOW)


def is_refused(token: str, keys: TokenKeys = KEYS) -> bool:
    refusal(token, keys)
    return True


def refusal(token: str, keys: TokenKeys = KEYS) -> tuple[Reason, str]:
    with pytest.raises(TokenInvalidError) as caught:
        keys.verify(token, NOW)
    return caught.value.reason, caught.value.claim


UNUSUAL = {"kid": "1"}  # a header that only the library reads


def signed(header: dict[str, Any] | None = None, **changes: object) -> str:
    given = {"aud": AUDIENCE, **claims(**changes)}
    if isinstance(given["sub"], str) and isinstance(given.get("jti", ""), str):
        return jwt.encode(given, SECRET, algorithm="HS256", headers=header)
    # The library does not write what the standard forbids.
    return jwt.PyJWS().encode(orjson.dumps(given), SECRET, algorithm="HS256", headers=header)


def part(fields: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(fields)).rstrip(b"=").decode()


class TestIdentity:
    def test_it_is_what_the_token_says(self) -> None:
        more = {"tags": ["new"], "name": "Ada", "device": "d1", "person": "p1", "new": True}
        assert verified(**more) == Identity(
            subject="ada",
            role=Role.STUDENT,
            rooms=frozenset({"math"}),
            tags=frozenset({"new"}),
            expires_at=EXP * 1000 + LEEWAY_MS,
            name="Ada",
            device="d1",
            person="p1",
            is_new=True,
        )

    def test_rooms_and_tags_may_be_left_out(self) -> None:
        identity = verified(role="operator", rooms=None)
        assert (identity.rooms, identity.tags) == (frozenset(), frozenset())

    @pytest.mark.parametrize("claim", ["name", "device", "person", "rooms", "tags", "new", "may"])
    def test_a_null_is_as_good_as_nothing(self, claim: str) -> None:
        body = orjson.dumps({"aud": AUDIENCE, **claims(), claim: None})
        token = jwt.PyJWS().encode(body, SECRET, algorithm="HS256", headers={"typ": "JWT"})
        assert KEYS.verify(token, NOW).subject == "ada"

    @pytest.mark.parametrize("claim", ["device", "person"])
    def test_a_hash_may_have_any_printable_character_but_the_bar(self, claim: str) -> None:
        given = "sha256:" + "".join(chr(n) for n in range(33, 127) if chr(n) != "|")
        assert getattr(verified(**{claim: given}), claim) == given

    @pytest.mark.parametrize("claim", ["device", "person"])
    def test_an_empty_hash_is_none(self, claim: str) -> None:
        assert getattr(verified(**{claim: ""}), claim) is None

    def test_what_else_it_may_do_is_a_list_of_words(self) -> None:
        assert verified(may=["offer", "approve"]).subject == "ada"

    @pytest.mark.parametrize("subject", ["a", "s" * 64, "a.b:c_d-E9"])
    def test_names_of_the_right_form_are_good(self, subject: str) -> None:
        assert verified(sub=subject).subject == subject


class TestClaims:
    @pytest.mark.parametrize("missing", ["sub", "role", "exp"])
    def test_without_one_that_is_needed_it_is_not_good(self, missing: str) -> None:
        assert is_refused(KEYS.sign(claims(**{missing: None})))

    @pytest.mark.parametrize(
        "subject",
        ["", "s" * 65, "a b", "a/b", "a\n", "a\x00", "阿达", "é", "ada@school", 7, ["ada"], True],
    )
    def test_a_subject_that_is_no_name_is_not_good(self, subject: object) -> None:
        token = jwt.encode(
            {"aud": AUDIENCE, **claims(), "sub": "x"} | {"sub": subject},
            SECRET,
            algorithm="HS256",
        )
        assert is_refused(token)

    @pytest.mark.parametrize("role", ["", "Student", "admin", "students", 1, ["student"], {}])
    def test_a_role_we_do_not_know_is_not_good(self, role: object) -> None:
        assert is_refused(KEYS.sign(claims(role=role)))

    @pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize(
        "wrong", [True, False, str(EXP), "soon", [EXP], 10**17, -(10**17), 1e300]
    )
    def test_a_time_that_is_no_number_is_not_good(self, claim: str, wrong: object) -> None:
        assert refusal(KEYS.sign(claims(**{claim: wrong}))) == (Reason.CLAIM_TYPE, claim)

    def test_more_rooms_than_anybody_teaches_are_not_good(self) -> None:
        rooms = [f"r{number}" for number in range(MAX_ROOMS)]
        assert len(verified(rooms=rooms).rooms) == MAX_ROOMS
        assert refusal(signed(rooms=[*rooms, "r"])) == (Reason.CLAIM_TYPE, "rooms")

    @pytest.mark.parametrize("field", ["rooms", "tags"])
    @pytest.mark.parametrize("wrong", ["math", {"math": 1}, ["math", 7], [["math"]], 7, True])
    def test_lists_that_are_none_are_not_good(self, field: str, wrong: object) -> None:
        """`"rooms": "math"` would else be the rooms m, a, t and h."""
        assert is_refused(KEYS.sign(claims(**{field: wrong})))

    @pytest.mark.parametrize("audience", ["classdrop2", "", ["other"], 7, None])
    def test_one_made_for_another_service_is_not_good(self, audience: object) -> None:
        assert is_refused(KEYS.sign({**claims(), "aud": audience}))

    def test_one_without_an_audience_is_not_good(self) -> None:
        assert is_refused(jwt.encode(claims(), SECRET, algorithm="HS256"))

    def test_one_made_for_several_services_is_good(self) -> None:
        token = KEYS.sign({**claims(), "aud": ["other", AUDIENCE]})
        assert KEYS.verify(token, NOW).subject == "ada"


class TestSignature:
    def test_the_first_secret_signs(self) -> None:
        token = KEYS.sign(claims())
        assert TokenKeys((SECRET,)).verify(token, NOW).subject == "ada"
        assert is_refused(token, TokenKeys((OLD_SECRET,)))

    def test_all_verify_so_that_a_secret_can_be_replaced(self) -> None:
        token = TokenKeys((OLD_SECRET,)).sign(claims())
        assert KEYS.verify(token, NOW).subject == "ada"

    def test_one_dropped_verifies_no_longer(self) -> None:
        assert is_refused(TokenKeys((FOREIGN_SECRET,)).sign(claims()))

    def test_one_without_a_signature_is_not_good(self) -> None:
        token = jwt.encode({"aud": AUDIENCE, **claims()}, None, algorithm="none")
        assert is_refused(token)
        assert is_refused(f"{token}x")

    def test_none_in_any_spelling_is_not_good(self) -> None:
        payload = part({"aud": AUDIENCE, **claims()})
        for name in ("none", "None", "NONE", "nOnE"):
            assert is_refused(f"{part({'alg': name, 'typ': 'JWT'})}.{payload}.")

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
    def test_another_algorithm_is_not_good_with_the_right_secret(self, algorithm: str) -> None:
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            token = jwt.encode({"aud": AUDIENCE, **claims()}, SECRET, algorithm=algorithm)
        assert is_refused(token)

    def test_changed_claims_are_not_good(self) -> None:
        header, _, signature = KEYS.sign(claims()).split(".")
        payload = part({"aud": AUDIENCE, **claims(role="operator")})
        assert is_refused(f"{header}.{payload}.{signature}")

    @pytest.mark.parametrize(
        "token",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "a.b",
            "é.é.é",
            "\ud800.x.y",
            f"{part([])}.{part({})}.x",
            f"{part({'alg': 'HS256'})}.{part([1])}.x",
            f"{base64.urlsafe_b64encode(b'[' * 2_000).decode()}.e30.x",
        ],
    )
    def test_what_is_no_token_is_not_good(self, token: str) -> None:
        assert is_refused(token)

    def test_signed_text_that_is_no_object_is_not_good(self) -> None:
        token = jwt.api_jws.encode(b"[1,2]", SECRET, algorithm="HS256")
        assert is_refused(token)


class TestSize:
    def token_of(self, size: int) -> str:
        """Exactly so long, and good but for that."""
        for padding in range(size):
            token = KEYS.sign(claims(jti="j" * padding))
            if len(token) == size:
                return token
        raise AssertionError(f"none is {size} long")

    def test_the_longest_is_good(self) -> None:
        assert KEYS.verify(self.token_of(MAX_TOKEN_CHARS), NOW).subject == "ada"

    def test_one_that_is_longer_is_not_looked_at(self) -> None:
        assert is_refused(self.token_of(MAX_TOKEN_CHARS) + "x")


class TestTime:
    def test_it_is_good_until_the_leeway_is_over(self) -> None:
        token = KEYS.sign(claims())
        last = EXP * 1000 + LEEWAY_MS - 1
        assert KEYS.verify(token, last).subject == "ada"
        with pytest.raises(TokenExpiredError):
            KEYS.verify(token, last + 1)

    def test_its_identity_says_the_same_moment(self) -> None:
        assert verified().expires_at == EXP * 1000 + LEEWAY_MS

    def test_an_expired_one_of_somebody_else_is_not_ours_to_renew(self) -> None:
        assert is_refused(TokenKeys((FOREIGN_SECRET,)).sign(claims(exp=1)))

    @pytest.mark.parametrize("header", [None, UNUSUAL])
    def test_fractions_of_a_second_are_good(self, header: dict[str, str] | None) -> None:
        token = signed(header, exp=EXP + 0.25, iat=NOW / 1000 - 0.5, nbf=NOW / 1000 - 0.001)
        last = EXP * 1000 + 250 + LEEWAY_MS - 1
        assert KEYS.verify(token, last).expires_at == last + 1
        with pytest.raises(TokenExpiredError):
            KEYS.verify(token, last + 1)

    @pytest.mark.parametrize("issued_at", [NOW // 1000 + 3_600, NOW // 1000 - 3_600])
    def test_it_may_be_issued_by_a_clock_that_is_not_ours(self, issued_at: object) -> None:
        assert verified(iat=issued_at).subject == "ada"

    def test_it_may_begin_a_little_ahead_of_our_clock(self) -> None:
        begins = (NOW + LEEWAY_MS) // 1000
        assert verified(nbf=begins).subject == "ada"
        assert is_refused(KEYS.sign(claims(nbf=begins + 1)))

    def test_it_lives_so_many_days_from_when_it_was_issued(self) -> None:
        issued = NOW // 1000 - 86_400
        last = issued + MAX_TOKEN_DAYS * 86_400
        assert verified(iat=issued, exp=last).subject == "ada"
        assert refusal(signed(iat=issued, exp=last + 1)) == (Reason.TOO_LONG_LIVED, "")

    def test_one_that_does_not_say_when_it_was_issued_lives_so_many_days_from_now(self) -> None:
        last = NOW // 1000 + MAX_TOKEN_DAYS * 86_400
        assert verified(exp=last).subject == "ada"
        assert refusal(signed(exp=last + 1)) == (Reason.TOO_LONG_LIVED, "")

    def test_how_long_it_may_live_is_the_schools_to_say(self) -> None:
        keys = TokenKeys((SECRET,), max_days=1)
        assert refusal(signed(iat=NOW // 1000, exp=NOW // 1000 + 86_401), keys) == (
            Reason.TOO_LONG_LIVED,
            "",
        )

    def test_its_longest_life_has_the_leeway_for_other_clocks(self) -> None:
        keys = TokenKeys((SECRET,), max_days=2)
        assert keys.longest_life_ms == 2 * 86_400_000 + LEEWAY_MS

    def test_one_that_is_revoked_is_refused_with_the_claim_that_names_it(self) -> None:
        access = AccessRules()
        keys = TokenKeys((SECRET,), access=access)
        token = KEYS.sign(claims(jti="jti-1"))
        assert keys.verify(token, NOW).subject == "ada"

        access.apply(
            [AccessRule("rev_1", RuleKind.JTI, "jti-1", "lost", "olga", NOW, version=1)], NOW
        )

        assert refusal(token, keys) == (Reason.REVOKED, "jti")


class TestReasons:
    """Said to whoever makes the school's tokens, the same whichever way a token is read."""

    @pytest.mark.parametrize("header", [None, UNUSUAL])
    @pytest.mark.parametrize(
        ("changes", "reason", "claim"),
        [
            ({"aud": "other"}, Reason.AUDIENCE, "aud"),
            ({"role": "admin"}, Reason.ROLE, "role"),
            ({"role": None}, Reason.CLAIM_MISSING, "role"),
            ({"sub": 7}, Reason.CLAIM_TYPE, "sub"),
            ({"sub": "a b"}, Reason.CLAIM_TYPE, "sub"),
            ({"exp": "soon"}, Reason.CLAIM_TYPE, "exp"),
            ({"exp": None}, Reason.CLAIM_MISSING, "exp"),
            ({"nbf": "now"}, Reason.CLAIM_TYPE, "nbf"),
            ({"iat": "today"}, Reason.CLAIM_TYPE, "iat"),
            ({"nbf": NOW // 1000 + 3_600}, Reason.NOT_YET_VALID, ""),
            ({"rooms": "math"}, Reason.CLAIM_TYPE, "rooms"),
            ({"tags": ["new", 7]}, Reason.CLAIM_TYPE, "tags"),
            ({"device": 7}, Reason.CLAIM_TYPE, "device"),
            ({"person": ["p1"]}, Reason.CLAIM_TYPE, "person"),
            ({"person": "a|b"}, Reason.CLAIM_TYPE, "person"),
            ({"device": "a\nb"}, Reason.CLAIM_TYPE, "device"),
            ({"device": "d" * 129}, Reason.CLAIM_TYPE, "device"),
            ({"name": {"first": "Ada"}}, Reason.CLAIM_TYPE, "name"),
            ({"new": "yes"}, Reason.CLAIM_TYPE, "new"),
            ({"new": 1}, Reason.CLAIM_TYPE, "new"),
            ({"may": "offer"}, Reason.CLAIM_TYPE, "may"),
            ({"jti": 7}, Reason.CLAIM_TYPE, "jti"),
            ({"exp": NOW // 1000 + 40 * 86_400}, Reason.TOO_LONG_LIVED, ""),
        ],
    )
    def test_a_claim_that_is_wrong_is_named(
        self, header: dict[str, str] | None, changes: dict[str, Any], reason: Reason, claim: str
    ) -> None:
        assert refusal(signed(header, **changes)) == (reason, claim)

    def test_one_without_an_audience_says_audience(self) -> None:
        assert refusal(jwt.encode(claims(), SECRET, algorithm="HS256")) == (Reason.AUDIENCE, "aud")

    @pytest.mark.parametrize("header", [None, UNUSUAL])
    @pytest.mark.parametrize(
        "changes", [{"role": "admin"}, {"exp": "soon"}, {"exp": 1}, {"aud": "x"}]
    )
    def test_a_wrong_signature_says_nothing_of_the_claims(
        self, header: dict[str, str] | None, changes: dict[str, Any]
    ) -> None:
        body = {"aud": AUDIENCE, **claims(**changes)}
        token = jwt.encode(body, FOREIGN_SECRET, algorithm="HS256", headers=header)
        assert refusal(token) == (Reason.SIGNATURE, "")

    def test_another_algorithm_is_named(self) -> None:
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            token = jwt.encode({"aud": AUDIENCE, **claims()}, SECRET, algorithm="HS512")
        assert refusal(token) == (Reason.ALGORITHM, "")

    @pytest.mark.parametrize("token", ["", "a.b.c", "\ud800.x.y"])
    def test_what_is_no_token_is_malformed(self, token: str) -> None:
        assert refusal(token) == (Reason.MALFORMED, "")

    def test_one_that_is_too_long_is_called_so(self) -> None:
        assert refusal("x" * (MAX_TOKEN_CHARS + 1)) == (Reason.TOO_LONG, "")

    def test_each_refusal_is_told_to_who_keeps_a_log(self) -> None:
        told: list[str] = []
        keys = TokenKeys((SECRET,), on_refused=lambda error: told.append(str(error)))
        refusal(signed(rooms="math"), keys)
        refusal(TokenKeys((FOREIGN_SECRET,)).sign(claims()), keys)
        keys.verify(signed(), NOW)
        with pytest.raises(TokenExpiredError):
            keys.verify(signed(exp=1), NOW)
        assert told == ["claim_type: rooms", "signature"]


class TestUsualTokens:
    """The quick way says yes only where PyJWT does, and reads the same."""

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "aud": st.sampled_from([AUDIENCE, "other", [AUDIENCE], 7]),
                "jti": st.sampled_from(["a", 7]),
                "iss": st.text(max_size=3),
                "iat": st.one_of(st.integers(), st.text(max_size=3)),
                "tags": st.lists(st.text(max_size=3), max_size=2),
                "sub": st.one_of(st.just("ada"), st.integers()),
            },
        ),
        st.sampled_from([{}, {"typ": "jwt"}, {"kid": "1"}]),
        st.sampled_from([SECRET, OLD_SECRET, FOREIGN_SECRET]),
    )
    def test_what_it_accepts_the_library_accepts_and_reads_alike(
        self, changes: dict[str, Any], header: dict[str, str], secret: str
    ) -> None:
        body = {"aud": AUDIENCE, **claims(**changes)}
        token = jwt.encode(body, secret, algorithm="HS256", headers=header)
        quick = parse_common_token(token, [SECRET.encode(), OLD_SECRET.encode()])
        if quick is not None and isinstance(quick["sub"], str):
            assert quick == KEYS._signed_claims(token)

    def test_most_tokens_are_usual(self) -> None:
        assert parse_common_token(KEYS.sign(claims()), [SECRET.encode()]) == {
            "aud": AUDIENCE,
            **claims(),
        }

    @given(st.integers(0, 400), st.characters(codec="utf-8"))
    def test_one_character_changed_is_not_good(self, at: int, char: str) -> None:
        token = KEYS.sign(claims())
        at %= len(token)
        changed = token[:at] + char + token[at + 1 :]
        if changed != token:
            assert parse_common_token(changed, [SECRET.encode(), OLD_SECRET.encode()]) is None

    @pytest.mark.parametrize("ending", ["=", "==", " ", "\n", "."])
    def test_no_two_texts_are_the_same_token(self, ending: str) -> None:
        assert parse_common_token(KEYS.sign(claims()) + ending, [SECRET.encode()]) is None

    @pytest.mark.parametrize("body", [b"not json", b"[]", b"7", b'{"sub":"ada"}'])
    def test_a_signature_alone_makes_no_token(self, body: bytes) -> None:
        token = jwt.PyJWS().encode(body, SECRET, algorithm="HS256", headers={"typ": "JWT"})
        assert parse_common_token(token, [SECRET.encode()]) is None
        assert is_refused(token)


class TestRemembered:
    def test_a_token_known_as_good_expires_all_the_same(self) -> None:
        keys = TokenKeys((SECRET,))
        token = keys.sign(claims())
        keys.verify(token, NOW)
        with pytest.raises(TokenExpiredError):
            keys.verify(token, EXP * 1000 + LEEWAY_MS)

    def test_one_that_is_not_valid_yet_is_asked_again_later(self) -> None:
        keys = TokenKeys((SECRET,))
        token = keys.sign(claims(nbf=NOW // 1000 + 120, exp=EXP + 120))
        assert is_refused(token, keys)
        assert keys.verify(token, NOW + 120_000).subject == "ada"

    def test_only_so_many_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("server.tokens.MAX_REMEMBERED", 2)
        keys = TokenKeys((SECRET,))
        for number in range(5):
            keys.verify(keys.sign(claims(sub=f"s{number}")), NOW)
        assert len(keys._remembered) == 2

    def test_a_bad_one_is_not_kept(self) -> None:
        keys = TokenKeys((SECRET,))
        assert is_refused(TokenKeys((FOREIGN_SECRET,)).sign(claims()), keys)
        assert not keys._remembered


class TestDerivedKeys:
    def test_each_secret_and_each_purpose_has_a_key_of_its_own(self) -> None:
        tickets, others = KEYS.derive("tickets"), KEYS.derive("others")
        assert len({*tickets, *others}) == 4
        assert tickets == TokenKeys((SECRET, OLD_SECRET)).derive("tickets")
        assert not {SECRET.encode(), OLD_SECRET.encode()} & set(tickets)
