"""A pack is installed whole or not at all, and what is refused changes nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys

import pytest

from auditor.common import installed
from auditor.common.errors import LockHeld, StorageError, UsageError
from auditor.update import archive, open_sealed, read_state, seal
from auditor.update import installation as module


@pytest.fixture
def at_five(site):
    """A site with pack 5 of key 1."""
    site.install(site.pack(5), key=1)
    return site


def refused(site, tools, data, said="", **how):
    before = tools.tree(site.home)
    with pytest.raises(UsageError, match=said):
        site.install(data, **how)
    assert tools.tree(site.home) == before


def test_the_first_pack_needs_the_key_that_the_administrator_names(site, tools):
    refused(site, tools, site.pack(5), "no key is trusted here yet")
    refused(site, tools, site.pack(5), "is not trusted here", key=2)
    assert not site.home.exists()
    assert site.used() == "2026.06.01"
    done = site.install(site.pack(5), key=1)
    assert site.used() == "2027.01.01"
    assert site.choice().folder == done.folder
    assert read_state(site.home).pack.signed_by == tools.secret(1).public.name


def test_the_next_pack_needs_no_key_and_leaves_the_previous_one_for_who_is_reading(at_five):
    first = at_five.choice().folder
    second = at_five.install(at_five.pack(6, version="2027.02.01")).folder
    assert at_five.used() == "2027.02.01"
    assert first.is_dir()
    at_five.install(at_five.pack(9, version="2027.03.01"))
    assert sorted(path.name for path in (at_five.home / "packs").iterdir()) == sorted(
        [second.name, at_five.choice().folder.name]
    )


def test_a_key_named_later_must_be_one_that_is_trusted(at_five, tools):
    refused(at_five, tools, at_five.pack(6, by=2), "named with --key is not trusted here", key=2)
    at_five.install(at_five.pack(6), key=1)


def test_going_back_and_repeating_are_refused(at_five, tools):
    refused(at_five, tools, at_five.pack(4), "sequence 4, and 5 is installed: going back is refused")
    refused(at_five, tools, at_five.pack(4), "going back is refused", reinstall=True)
    refused(at_five, tools, at_five.pack(5), "installed already; --reinstall")
    other = at_five.pack(5, version="2027.01.02")
    refused(at_five, tools, other, "another pack than the installed one")
    refused(at_five, tools, other, "another pack than the installed one", reinstall=True)


def test_the_very_same_pack_mends_a_damaged_installation(at_five):
    (at_five.choice().folder / "policies" / "one.yaml").write_bytes(b"damaged")
    os.utime(at_five.home / "state.json", ns=(1, 1))  # a process looks once; the next one looks again
    assert at_five.used() == "2026.06.01"
    at_five.install(at_five.pack(5), reinstall=True)
    assert at_five.used() == "2027.01.01"


def test_a_pack_older_than_the_programs_own_data_is_refused(site, tools):
    refused(site, tools, site.pack(5, dated="2026-05-31"), "the program came with data of 2026-06-01", key=1)
    site.install(site.pack(5, dated="2026-06-01"), key=1)


def test_a_pack_for_another_program_is_refused(site, tools):
    refused(site, tools, site.pack(5, needs="99.0"), "for program 99.0 or newer", key=1)
    other_shape = {installed.SCHEMAS[0]: b'{"title": "large"}'}
    refused(site, tools, site.pack(5, more=other_shape), "fingerprints have another form", key=1)


def test_the_manifest_says_what_the_fingerprints_say(site, tools):
    lying = {"fingerprints/manifest.yaml": b"version: '2028.01.01'\ndated: '2028-01-01'\n"}
    refused(site, tools, site.pack(5, more=lying), "its fingerprints say 2028.01.01", key=1)


def test_an_unknown_key_is_refused(at_five, tools):
    refused(at_five, tools, at_five.pack(6, by=2), f"key {tools.secret(2).public.name} signed it, which is not trusted")


def test_keys_are_rotated_by_a_signed_list(at_five, tools):
    lists = [tools.key_list(1, [2], by=1, revoked=[1])]
    at_five.install(at_five.pack(6, by=2, lists=lists))
    refused(at_five, tools, at_five.pack(7, by=1), "that key is revoked here")
    at_five.install(at_five.pack(7, by=2, version="2027.03.01"))
    assert at_five.used() == "2027.03.01"


def test_rotation_and_data_are_adopted_together_or_not_at_all(at_five, tools):
    refused(at_five, tools, at_five.pack(4, by=2, lists=[tools.key_list(1, [2], by=1)]), "going back is refused")
    refused(at_five, tools, at_five.pack(6, by=1, lists=[tools.key_list(1, [2], by=1)]), "not trusted here")
    refused(at_five, tools, at_five.pack(6, by=1, lists=[tools.key_list(1, [2], by=1, revoked=[1])]), "revoked here")
    at_five.install(at_five.pack(6, by=1))


def test_an_old_list_and_an_empty_one_are_refused(at_five, tools):
    old = tools.key_list(1, [1, 2], by=1)
    at_five.install(at_five.pack(6, lists=[old, tools.key_list(2, [1, 3], by=1)]))
    refused(at_five, tools, at_five.pack(7, lists=[old]), "old lists are refused")
    refused(at_five, tools, at_five.forced(7, tools.key_list(3, [], by=1)), "leave no key")
    assert at_five.plan(at_five.pack(7)).state.trust.sequence == 2


def test_every_flipped_bit_is_refused(at_five, tools):
    data = at_five.pack(6, lists=[tools.key_list(1, [1, 2], by=1)])
    before = tools.tree(at_five.home)
    for offset in [*range(0, len(data), 29), len(data) - 1]:  # 29: in the end at each place of a 512-byte block
        damaged = bytearray(data)
        damaged[offset] ^= 1 << (offset % 8)
        with pytest.raises(UsageError):
            at_five.install(bytes(damaged))
    assert tools.tree(at_five.home) == before
    at_five.install(data)


def test_every_truncation_and_every_tail_is_refused(at_five, tools):
    data = at_five.pack(6)
    before = tools.tree(at_five.home)
    for length in [*range(0, len(data), 7), len(data) - 1]:
        with pytest.raises(UsageError):
            at_five.install(data[:length])
    for tail in (b"\0", bytes(512), data):
        with pytest.raises(UsageError):
            at_five.install(data + tail)
    assert tools.tree(at_five.home) == before


def test_an_unsigned_pack_is_refused(at_five, tools):
    payload, manifest = at_five.payload(6)
    refused(at_five, tools, archive.write({"payload.tar": payload}), "not signed")
    borrowed = open_sealed(at_five.pack(5)).signature
    refused(at_five, tools, seal(payload, borrowed), "does not fit")
    assert manifest.sequence == 6


def in_a_child(action) -> int:
    """Run something in a forked process and return how it ended; it never returns here in the child."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        finally:
            os._exit(3)
    return os.waitpid(child, 0)[1]


def test_a_process_killed_at_any_step_leaves_the_old_data_or_the_new(at_five, tools):
    """At each file opened, folder made, name changed: killed without a chance to clean up."""
    data = at_five.pack(6, version="2027.02.01", lists=[tools.key_list(1, [2, 1], by=1)])
    decided = at_five.plan(data)
    old = tools.tree(at_five.choice().folder)
    seen_versions = []
    for last_step in range(1, 400):

        def killed(last_step=last_step):
            steps = 0

            def watch(event, _arguments):
                nonlocal steps
                if event in {"open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir", "os.scandir"}:
                    steps += 1
                    if steps == last_step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(watch)
            module.install(decided, at_five.home)

        ended = in_a_child(killed)
        seen_versions.append(at_five.used())
        if os.WIFEXITED(ended):
            assert os.WEXITSTATUS(ended) == 0
            break
        assert os.WTERMSIG(ended) == signal.SIGKILL
        if at_five.used() == "2027.01.01":
            assert at_five.choice().warnings == ()
            assert tools.tree(at_five.choice().folder) == old
            assert read_state(at_five.home) == decided.before
            # What it leaves is pointed to by nothing; a new installation takes a new name, this same plan cannot.
            module.shutil.rmtree(at_five.home / "packs" / decided.state.pack.folder, ignore_errors=True)
            module.shutil.rmtree(at_five.home / "packs" / f".staging-{decided.state.pack.folder}", ignore_errors=True)
            (at_five.home / f".staging-{decided.state.pack.folder}.json").unlink(missing_ok=True)
        else:
            break
    assert seen_versions[-1] == "2027.02.01"
    assert len(seen_versions) > 20, "killed at many steps before it was done"
    assert set(seen_versions[:-1]) == {"2027.01.01"}


def test_an_interruption_right_after_the_switch_keeps_the_pack_in_use(at_five, monkeypatch):
    real = installed.Path.rename

    def rename(path, target):
        done = real(path, target)
        if target == at_five.home / "state.json":
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patched:
        patched.setattr(installed.Path, "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            at_five.install(at_five.pack(6, version="2027.02.01"))
    assert at_five.used() == "2027.02.01"
    assert at_five.choice().warnings == ()
    at_five.install(at_five.pack(7, version="2027.03.01"))
    assert at_five.used() == "2027.03.01"


def test_an_interruption_right_before_the_switch_leaves_nothing_behind(at_five, tools, monkeypatch):
    before, real = tools.tree(at_five.home), installed.Path.rename

    def rename(path, target):
        if target == at_five.home / "state.json":
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(installed.Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        at_five.install(at_five.pack(6, version="2027.02.01"))
    assert tools.tree(at_five.home) == before


def test_a_disk_that_does_not_confirm_the_switch_is_said_as_that(at_five, monkeypatch):
    real = module._sync

    def sync(folder):
        if folder == at_five.home:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(folder)

    monkeypatch.setattr(module, "_sync", sync)
    with pytest.raises(StorageError, match="the new data is in use") as caught:
        at_five.install(at_five.pack(6, version="2027.02.01"))
    assert "old data is in use as before" not in str(caught.value)
    assert at_five.used() == "2027.02.01"


@pytest.mark.parametrize("umask", [0o002, 0o077, 0o777])
def test_missing_folders_are_made_whatever_the_umask(site, tmp_path, umask):
    site.home = tmp_path / "a" / "b" / "home"
    decided = site.plan(site.pack(5), key=1)
    before = os.umask(umask)
    try:
        module.install(decided, site.home)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (site.home, *site.home.parents[:2])} == {0o755}
    assert read_state(site.home).pack.sequence == 5


def test_a_refusal_leaves_no_new_folder_behind(site, tmp_path, monkeypatch):
    site.home = tmp_path / "a" / "b" / "home"
    decided = site.plan(site.pack(5), key=1)
    monkeypatch.setattr(module, "_write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(StorageError, match="full"):
        module.install(decided, site.home)
    assert not (tmp_path / "a").exists()


def test_what_a_killed_installation_left_is_cleared_by_the_next(at_five):
    (at_five.home / "packs" / ".staging-000000006-0000000000000000").mkdir()
    (at_five.home / "packs" / "000000006-0000000000000000").mkdir()
    (at_five.home / ".staging-000000006-0000000000000000.json").write_text("{}")
    (at_five.home / "packs" / "notes").mkdir()
    kept = at_five.choice().folder.name
    new = at_five.install(at_five.pack(6)).folder.name
    assert {path.name for path in (at_five.home / "packs").iterdir()} == {kept, new, "notes"}
    assert sorted(path.name for path in at_five.home.iterdir()) == ["packs", "state.json"]


@pytest.mark.parametrize("step", range(7))  # five files, the manifest, the state
def test_a_full_disk_leaves_the_old_data(at_five, tools, monkeypatch, step):
    before, real, count = tools.tree(at_five.home), module._write, 0

    def write(path, content):
        nonlocal count
        if count == step:
            path.write_bytes(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count += 1
        real(path, content)

    decided = at_five.plan(at_five.pack(6))
    assert len(decided.pack.files) == 5
    monkeypatch.setattr(module, "_write", write)
    with pytest.raises(StorageError, match="No space left on device; the old data is in use"):
        module.install(decided, at_five.home)
    assert tools.tree(at_five.home) == before


def test_a_disk_that_kept_something_else_is_noticed(at_five, tools, monkeypatch):
    before, real = tools.tree(at_five.home), module._write
    monkeypatch.setattr(module, "_write", lambda path, content: real(path, content[:-1] + b"?"))
    with pytest.raises(UsageError, match="not the one that was installed"):
        at_five.install(at_five.pack(6))
    assert tools.tree(at_five.home) == before


def test_two_installations_do_not_meet(at_five, tools):
    decided = at_five.plan(at_five.pack(6))
    descriptor = os.open(at_five.home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(LockHeld):
            module.install(decided, at_five.home)
    finally:
        os.close(descriptor)
    at_five.install(at_five.pack(7))
    before = tools.tree(at_five.home)
    with pytest.raises(UsageError, match="changed meanwhile"):
        module.install(decided, at_five.home)
    assert tools.tree(at_five.home) == before


def test_data_is_readable_for_all_whatever_the_umask(site):
    before = os.umask(0o077)
    try:
        folder = site.install(site.pack(5), key=1).folder
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in [*folder.rglob("*"), site.home / "state.json"] if path.is_file()}
    assert modes == {0o644}
    assert {path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")] if path.is_dir()} == {0o755}


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_folder_that_others_can_write_is_refused(site, tools, mode):
    site.home.mkdir()
    site.home.chmod(mode)
    refused(site, tools, site.pack(5), "can be written by others", key=1)


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_below_one_that_others_can_write_is_refused(site, tools, tmp_path, mode):
    tmp_path.chmod(mode)
    refused_before = tools.tree(site.own)
    with pytest.raises(UsageError, match="above it can be written by others"):
        site.install(site.pack(5), key=1)
    assert tools.tree(site.own) == refused_before
    assert not site.home.exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_check_refuses_the_folder_that_an_installation_refuses(site, tmp_path, there):
    """`verify` plans and does not install."""
    data = site.pack(5)
    place = site.home if there else tmp_path
    place.mkdir(exist_ok=True)
    place.chmod(0o775)
    with pytest.raises(UsageError, match="can be written by others"):
        site.plan(data, key=1)
    place.chmod(0o755)
    site.plan(data, key=1)


def test_a_file_in_the_place_of_the_folder_is_refused(site):
    site.home.write_text("")
    with pytest.raises(UsageError, match="is no folder"):
        site.plan(site.pack(5), key=1)


def test_a_foreign_folder_is_refused(at_five, tools, monkeypatch):
    owner = at_five.home.stat().st_uid
    if owner == 0:
        os.chown(at_five.home, 54321, -1)
    else:
        monkeypatch.setattr(installed.os, "geteuid", lambda: owner + 1)
    refused(at_five, tools, at_five.pack(6), "who is neither root nor you")


def test_a_sticky_folder_above_is_safe(site, tmp_path):
    tmp_path.chmod(0o1777)
    site.install(site.pack(5), key=1)
    assert site.used() == "2027.01.01"


def test_a_foreign_folder_above_is_refused_sticky_or_not(at_five, tools, tmp_path, monkeypatch):
    """The owner of a folder can rename what lies in it, whatever the sticky bit says."""
    tmp_path.chmod(0o1777)
    real = installed.Path.stat

    class Foreign:
        def __init__(self, seen):
            self.st_uid, self.st_mode = 54321, seen.st_mode

    monkeypatch.setattr(
        installed.Path, "stat", lambda path, **how: Foreign(real(path)) if path == tmp_path else real(path, **how)
    )
    with pytest.raises(UsageError, match="above it belongs to user 54321"):
        at_five.install(at_five.pack(6))


def test_links_are_refused(at_five, tools, tmp_path):
    real = tmp_path / "elsewhere"
    at_five.home.rename(real)
    at_five.home.symlink_to(real)
    before = tools.tree(real)
    with pytest.raises(UsageError, match="symbolic link"):
        at_five.install(at_five.pack(6))
    assert tools.tree(real) == before


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 5000])
def test_a_damaged_state_is_said_and_not_begun_anew(at_five, tools, content):
    (at_five.home / "state.json").write_bytes(content)
    refused(at_five, tools, at_five.pack(6), "damaged", key=1)
    assert at_five.used() == "2026.06.01"
    assert "damaged" in at_five.choice().warnings[0]
