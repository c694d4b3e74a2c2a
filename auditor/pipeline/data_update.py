"""Signed data updates from end to end: self-tests, packing, checking, comparing, installing."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import __version__
from auditor.assess import available, load_packs
from auditor.assess import selftest as policies_selftest
from auditor.common.clock import now
from auditor.common.data import data_path, forget_warnings, packaged_path
from auditor.common.errors import StorageError, UsageError
from auditor.common.files import write_private
from auditor.common.installed import Damaged, fingerprint_version, home
from auditor.common.limits import MAX_PACK
from auditor.identify import load_rules
from auditor.identify import selftest as fingerprints_selftest
from auditor.update import Plan, PublicKey, SecretKey, Signature, build, install, open_sealed, plan, seal
from auditor.update.installation import unpack
from auditor.update.pack import collect, read_signed_list, read_small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from auditor.identify import RuleSet
    from auditor.update.keys import SignedList

_SHOWN = 12  # names of rules printed of one sort of change


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A payload that waits for its signature.

    Attributes:
        payload: bytes of payload.tar.
        comment: the trusted comment that its signature has to carry.
        lists: of keys that travel with it.
    """

    payload: bytes
    comment: str
    lists: tuple[SignedList, ...]


def prepare_pack(folder: Path, *, sequence: int, needs: str | None, key_lists: Sequence[Path]) -> Unsigned:
    """Check a folder of data as every site will, and make the payload: the same bytes for the same folder.

    Args:
        folder: holds `fingerprints` and `policies`.
        sequence: greater than that of every pack before.
        needs: least version of this program; None takes this one.
        key_lists: signed lists of keys; the signature stands beside each as `FILE.minisig`.

    Raises:
        UsageError: the data fails its self-test, or no site would take it.
    """
    files = collect(folder)
    problems = _selftest(folder)
    if problems:
        raise UsageError(f"{folder} fails its self-test ({len(problems)} problems), first: {problems[0]}")
    try:
        version, dated = fingerprint_version(files["fingerprints/manifest.yaml"])
    except Damaged as error:
        raise UsageError(f"{folder}: {error}") from error
    lists = tuple(read_signed_list(path) for path in key_lists)
    payload, manifest = build(
        files, sequence=sequence, version=version, dated=dated, needs_program=needs or __version__, lists=lists
    )
    return Unsigned(payload, manifest.comment, lists)


def write_pack(unsigned: Unsigned, out: Path, signature: Signature) -> None:
    """Write the file to carry.

    Raises:
        UsageError: the signature does not carry the right comment, or `out` exists.
        StorageError: the disk refused.
    """
    if signature.comment != unsigned.comment:
        raise UsageError(f"the signature's trusted comment has to be `{unsigned.comment}` (minisign -t)")
    whole = seal(unsigned.payload, signature, unsigned.lists)
    open_sealed(whole)
    write_new(out, whole)


def write_new(out: Path, content: bytes) -> None:
    """Write a file that must not exist yet.

    Raises:
        UsageError: it exists, or its folder does not.
        StorageError: the disk refused.
    """
    if out.exists() or out.is_symlink():
        raise UsageError(f"{out} exists already; move it away or name another file with --out")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is not a folder; make it first, or name another file with --out")
    write_private(out, content)


def sign(unsigned: Unsigned, secret_key: Path, password: Callable[[], str]) -> Signature:
    """Sign a payload.

    Args:
        unsigned: what `prepare_pack` returned.
        secret_key: file that `minisign -G` made.
        password: asked only when the key is encrypted.

    Raises:
        UsageError: no key, or a wrong password.
    """
    try:
        key = SecretKey.from_file(read_small(secret_key), password)
    except UsageError as error:
        raise UsageError(f"{secret_key}: {error}") from error
    signature = key.sign(unsigned.payload, unsigned.comment)
    signature.check(key.public, unsigned.payload)
    return signature


def read_signature(path: Path, key: Path, unsigned: Unsigned) -> Signature:
    """Read a signature that minisign made, and check it.

    Args:
        path: of the signature.
        key: public key of who made it.
        unsigned: what it has to be for.

    Raises:
        UsageError: it is none, by another key, or of something else.
    """
    public = _public_key(key)
    try:
        signature = Signature.from_file(read_small(path))
        signature.check(public, unsigned.payload)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return signature


def verify_lines(path: Path, key: Path | None, *, reinstall: bool = False) -> Iterator[str]:
    """Check a pack exactly as an installation would, change nothing, and yield what a person wants to know of it.

    Raises:
        UsageError: an installation would refuse it.
    """
    with _refusals(path):
        decided, lines = _checked(path, key, reinstall=reinstall)
    yield f"{path}: sound, and may be installed here."
    yield from lines
    yield f"Nothing was changed. Data now in use: {_in_use(decided)}."


def install_lines(path: Path, key: Path | None, *, reinstall: bool = False) -> Iterator[str]:
    """Check a pack, install it, and yield what was done.

    Raises:
        UsageError: it is refused; nothing was changed.
        LockHeld: another installation is at work.
        StorageError: the disk refused; the old data is in use as before.
    """
    with _refusals(path):
        decided, lines = _checked(path, key, reinstall=reinstall)
        done = install(decided, home())
        forget_warnings()
    yield f"Installed {path} into {done.folder}."
    yield from lines
    yield from (f"warning: {sentence}" for sentence in done.left_over)


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{path} is refused: {error}. Nothing was changed.") from error


def _checked(path: Path, key: Path | None, *, reinstall: bool) -> tuple[Plan, list[str]]:
    sealed = open_sealed(_read_pack(path))
    named = None if key is None else _public_key(key)
    own = {"fingerprints": packaged_path("fingerprints"), "policies": packaged_path("policies")}
    decided = plan(sealed, home(), key=named, reinstall=reinstall, **own)
    with tempfile.TemporaryDirectory(prefix="camera-auditor-") as scratch:
        folder = Path(scratch) / "pack"
        try:
            unpack(decided.pack, folder)
        except OSError as error:
            raise StorageError(f"cannot unpack into {scratch}: {error.strerror}") from error
        problems = _selftest(folder)
        if problems:
            raise UsageError(f"its data fails the self-test ({len(problems)} problems), first: {problems[0]}")
        return decided, [*_about(decided), *_keys(decided), *_differences(folder)]


def _read_pack(path: Path) -> bytes:
    try:
        # A pipe or a device could keep us waiting for ever.
        if not path.is_file():
            raise UsageError("it is no plain file" if path.exists() else "there is no such file")
        with path.open("rb") as stream:
            return stream.read(MAX_PACK + 1)
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}") from error


def _public_key(path: Path) -> PublicKey:
    try:
        return PublicKey.from_file(read_small(path))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _selftest(folder: Path) -> list[str]:
    problems = fingerprints_selftest.check(folder / "fingerprints")
    return problems or list(policies_selftest.check(folder / "policies"))


def _about(decided: Plan) -> Iterator[str]:
    manifest, signer = decided.pack.manifest, decided.pack.signer
    yield f"Signed by   key {signer.name}  {signer.text}"
    installed = f" (installed: {decided.before.pack.sequence})" if decided.before else ""
    yield f"Sequence    {manifest.sequence}{installed}"
    yield f"Version     {manifest.version}, for program {manifest.needs_program} or newer (this is {__version__})"
    yield f"Dated       {manifest.dated}, {_age(manifest.dated)}"
    yield f"SHA-256     {decided.pack.payload_sha256} (payload)"


def _age(dated: str) -> str:
    try:
        days = (now().date() - date.fromisoformat(dated)).days
    except ValueError:
        return "which is no day of the calendar"
    if days < 0:
        return f"{-days} days ahead of this machine's clock: one of the two is wrong"
    return f"{days} days ago by this machine's clock"


def _keys(decided: Plan) -> Iterator[str]:
    trust = decided.state.trust
    if decided.before is None:
        yield "Keys        the first installation: the named key and what its lists say become the trusted keys"
    elif decided.before.trust != trust:
        yield f"Keys        list {trust.sequence} of trusted keys takes the place of {decided.before.trust.sequence}"
    else:
        yield f"Keys        unchanged (list {trust.sequence})"
    for trusted in trust.keys:
        note = f"  {trusted.note}" if trusted.note else ""
        yield f"  trusted   {trusted.public.name} signs {' and '.join(trusted.signs)}{note}"
    yield from (f"  revoked   {PublicKey.from_text(text).name}" for text in trust.revoked)


def _in_use(decided: Plan) -> str:
    rules = load_rules()
    whose = f"pack {decided.before.pack.sequence}" if decided.before else "what came with the program"
    if decided.before and data_path("fingerprints") == packaged_path("fingerprints"):
        whose = "what came with the program, as the installed pack is not usable"
    return f"{rules.version} of {rules.dated}, {whose}"


def _differences(folder: Path) -> Iterator[str]:
    new, old = load_rules(folder / "fingerprints"), load_rules()
    yield f"Compared with the data in use, {old.version} of {old.dated}:"
    yield from _changes("rules", _rules(old), _rules(new))
    yield from _changes("makers", dict.fromkeys(_makers(old)), dict.fromkeys(_makers(new)))
    yield from _changes("labels", _lines(old), _lines(new))
    yield from _changes("policy rules", _policy_rules(None), _policy_rules(folder / "policies"))
    yield f"  MAC blocks   {len(new.prefixes)} (before: {len(old.prefixes)})"


def _changes(what: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    added, gone = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    changed = sorted(name for name in new.keys() & old.keys() if new[name] != old[name])
    yield f"  {what:<12} {len(new)}: {len(added)} added, {len(gone)} removed, {len(changed)} changed"
    for sign_, names in (("+", added), ("-", gone), ("~", changed)):
        yield from (f"    {sign_} {name}" for name in names[:_SHOWN])
        if len(names) > _SHOWN:
            yield f"    {sign_} and {len(names) - _SHOWN} more"


def _rules(rules: RuleSet) -> dict[str, object]:
    return {rule.id: rule for rule in rules.rules}


def _makers(rules: RuleSet) -> list[str]:
    return sorted({file.maker for file in rules.files.values() if file.maker is not None})


def _lines(rules: RuleSet) -> dict[str, object]:
    return {f"{line.brand} of {line.maker}": line for line in rules.brand_lines}


def _policy_rules(folder: Path | None) -> dict[str, object]:
    packs = load_packs(available(folder), folder)
    return {f"{pack.id}/{rule.id}": rule for pack in packs for rule in pack.pack.rules}
