"""Addresses as the rest of the house knows them: "+" and digits, or a business-scoped id ("US.1349…")."""

from __future__ import annotations

import re

# Meta's business-scoped user id: country, optionally ENT for a parent account, up to 128 letters or digits.
SCOPED_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
# E.164 allows 15 digits; six or fewer are short codes, which are services and never people.
PHONE = re.compile(r"[0-9]{7,15}")
# A "+" that a gateway forgot to encode arrives as a space, or stays encoded twice.
LOST_PLUS = re.compile(r"^(?:%20|%2[bB]|[\s+])+")
PUNCTUATION = re.compile(r"[\s().\-]")


def is_scoped(address: str) -> bool:
    """True for a business-scoped id, which is sent to under another field than a phone number."""
    return SCOPED_ID.fullmatch(address) is not None


def normalise(raw: str) -> str:
    """The address behind what a provider wrote, or "" for one that must never be answered.

    Repairs the `whatsapp:` prefix (also where it is missing) and a lost "+". "" stands for short codes, alphanumeric
    senders ("MTN") and anything else that is neither a phone number nor a business-scoped id.
    """
    bare = raw.strip()
    if bare[:9].lower() == "whatsapp:":
        bare = bare[9:].strip()
    if is_scoped(bare):
        return bare
    digits = PUNCTUATION.sub("", LOST_PLUS.sub("", bare))
    return f"+{digits}" if PHONE.fullmatch(digits) else ""
