"""The form of an API key's token: ``clv_<public>_<secret><checksum>``.

The public part identifies the key. Of the secret only the SHA-256 is stored; the secret is random,
so a slow hash would add nothing. With the checksum, secret scanners recognise a token, and a
mistyped one is refused without asking the database.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_LENGTH = 12
# 33 characters of 62 are 196 bits.
SECRET_LENGTH = 33
CHECKSUM_LENGTH = 6

_PUBLIC = rf"[0-9A-Za-z]{{{PUBLIC_LENGTH}}}"
_TOKEN = re.compile(
    rf"clv_({_PUBLIC})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A well-formed token."""

    public: str
    secret: str

    def __str__(self) -> str:
        return f"clv_{self.public}_{self.secret}{_checksum(self.public, self.secret)}"

    @property
    def secret_sha256(self) -> str:
        """What is stored instead of the secret, in hexadecimal digits."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


def new() -> Token:
    """A new random token."""
    return Token(_random(PUBLIC_LENGTH), _random(SECRET_LENGTH))


def parse(text: str) -> Token | None:
    """The token in this text, or None if it is not well-formed."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        return None
    public, secret, checksum = match.groups()
    return Token(public, secret) if checksum == _checksum(public, secret) else None


def public_part(token: str) -> str:
    """The public part of a token, which need not be well-formed."""
    return token[len("clv_") :][:PUBLIC_LENGTH]


def is_public_part(text: str) -> bool:
    """Whether this has the form of a token's public part."""
    return re.fullmatch(_PUBLIC, text) is not None


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(public: str, secret: str) -> str:
    number = zlib.crc32(f"{public}_{secret}".encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
