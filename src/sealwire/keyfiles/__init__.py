"""Key files: one key a file, in words, which nobody but its owner could change or read."""

from sealwire.keyfiles.checked import (
    Checked,
    StrPath,
    read_checked,
    write_checked,
)
from sealwire.keyfiles.loading import (
    EXAMPLE_KEYS,
    MAX_KEY_FILE_BYTES,
    load_aead_key,
    load_key,
    load_mac_key,
    load_signing_key,
    load_trusted_key,
    load_verify_key,
    write_key_file,
)
from sealwire.keyfiles.text import (
    Key,
    SecretKey,
    format_key,
    kind_of,
    new_aead_key,
    new_mac_key,
    new_signing_key,
    parse_key,
    public_line,
    ssh_blob,
)

__all__ = [
    "EXAMPLE_KEYS",
    "MAX_KEY_FILE_BYTES",
    "Checked",
    "Key",
    "SecretKey",
    "StrPath",
    "format_key",
    "kind_of",
    "load_aead_key",
    "load_key",
    "load_mac_key",
    "load_signing_key",
    "load_trusted_key",
    "load_verify_key",
    "new_aead_key",
    "new_mac_key",
    "new_signing_key",
    "parse_key",
    "public_line",
    "read_checked",
    "ssh_blob",
    "write_checked",
    "write_key_file",
]
