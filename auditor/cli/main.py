"""`auditor`: the commands of design, section 5."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor import __version__
from auditor.common.display import visible
from auditor.common.errors import AuditorError, ExitCode, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)

# Imports inside commands keep `auditor --help` and a start refused by the lock well under a second.


class _Commands(click.Group):
    """Turns the product's own errors into one sentence and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return self._invoke(ctx)
        except KeyboardInterrupt:
            click.echo("auditor: interrupted; nothing is finished", err=True)
            ctx.exit(int(ExitCode.INCOMPLETE))
        except AuditorError as error:
            click.echo(f"auditor: {_lines(str(error))}", err=True)
            ctx.exit(int(error.exit_code))

    def _invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever came of it, say so when installed data could not be used for it."""
        try:
            return super().invoke(ctx)
        finally:
            data = sys.modules.get("auditor.common.data")  # not loaded: this command read no data
            for warning in data.warnings_so_far() if data else ():
                click.echo(f"warning: {_lines(warning)}", err=True)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(self.commands)


def _lines(text: str) -> str:
    return "\n".join(visible(line, None) for line in text.splitlines())


def _example(*lines: str) -> Callable[[Any], Any]:
    """Add an example to the help of a command."""

    def decorate(function: Any) -> Any:
        shown = "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])
        function.__doc__ = f"{function.__doc__}\n\n{shown}\n"
        return function

    return decorate


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auditor")
def cli() -> None:
    """Find the network cameras of a site, say who really made them, and plan their removal.

    Read-only and gentle: no guessed password, no write call, nothing outside the authorised scope.

    \b
    Exit codes: 0 complete, nothing flagged; 1 complete, something flagged or to check;
    2 usage or site file; 3 incomplete coverage; 4 another run holds the lock;
    5 this machine cannot scan; 6 storage failed; 7 stopped to protect a subnet or the run.
    """  # noqa: D301  (click wants the control character itself)


@cli.command()
@click.option("--subnet", "subnets", multiple=True, metavar="CIDR", help="A subnet to begin with; may be repeated.")
@click.option("--out", "out", type=_FILE, default=Path("site.yaml"), show_default=True, help="File to write.")
@_example("auditor init --subnet 10.88.0.0/24 --subnet 10.88.1.0/24")
def init(subnets: Sequence[str], out: Path) -> None:
    """Write an annotated site file."""
    from auditor.common.errors import UsageError  # noqa: PLC0415
    from auditor.common.files import write_private  # noqa: PLC0415
    from auditor.site import render_template  # noqa: PLC0415

    text = render_template(subnets)
    if out.exists():
        raise UsageError(f"{out} exists already; move it away or name another file with --out")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent} is not a folder; make it first, or name another file with --out")
    write_private(out, text)
    click.echo(f"Wrote {out}. Next: fill in `authorisation` and the zones' roles, then run `auditor doctor {out}`.")


@cli.command()
@click.argument("site_file", metavar="SITE.yaml", type=_FILE)
@click.option("--out", type=_FOLDER, help="Folder of this run; by default audit-<site>-<time> here.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--only", multiple=True, metavar="ADDRESS|ZONE", help="Audit only these; the rest is not attempted.")
@click.option("--accept-large", is_flag=True, help="Allow subnets wider than /16.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
@_example("auditor scan site.yaml --dry-run", "auditor scan site.yaml --out audit-hq")
@click.pass_context
def scan(
    ctx: click.Context, site_file: Path, out: Path | None, only: Sequence[str], *, dry_run: bool, accept_large: bool,
    quiet: bool,
) -> None:  # fmt: skip
    """Audit a site and write its reports."""
    from auditor.cli.progress import progress  # noqa: PLC0415
    from auditor.pipeline import prepare  # noqa: PLC0415

    site = prepare(site_file, only=only, accept_large=accept_large)
    for warning in site.warnings:
        click.echo(f"warning: {_lines(warning)}", err=True)
    if dry_run:
        from auditor.pipeline.preflight import dry_run_text  # noqa: PLC0415

        click.echo(dry_run_text(site))
        return
    from auditor.pipeline.run import default_folder  # noqa: PLC0415
    from auditor.pipeline.run import scan as run_scan  # noqa: PLC0415

    with progress(quiet=quiet) as observer:
        result = run_scan(site, out or default_folder(site), observer)
    _finish(ctx, result)


def _finish(ctx: click.Context, result: Any) -> None:
    from auditor.report import summary_text  # noqa: PLC0415

    _say(summary_text(result.audit, _width(), folder=str(result.folder)))
    _say(f"Report: {(result.folder / 'report.html').resolve()}")
    ctx.exit(int(result.exit_code))


def _say(text: str) -> None:
    """Print; a reader that has gone away (`| head`) must not change the exit code."""
    try:
        click.echo(text)
    except BrokenPipeError:
        _reader_is_gone()


def _reader_is_gone() -> None:
    """Send what is still in the buffer nowhere: it would fail again at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _width() -> int:
    import shutil  # noqa: PLC0415

    return min(100, shutil.get_terminal_size().columns)


@cli.command()
@click.argument("site_file", metavar="SITE.yaml", type=_FILE)
@_example("auditor doctor site.yaml")
@click.pass_context
def doctor(ctx: click.Context, site_file: Path) -> None:
    """Check machine and site file; sends nothing."""
    from auditor.pipeline.preflight import examine  # noqa: PLC0415

    checks, code = examine(site_file)
    for check in checks:
        click.echo(f"{check.result:<5} {check.name:<15} {_lines(check.sentence)}")
    ctx.exit(int(code))


@cli.command()
@click.argument("observations", metavar="OBSERVATIONS.jsonl", type=click.File("rb"))
@click.option("--rules", type=_FOLDER, help="Folder of site-local fingerprints, added to the built-in ones.")
@click.option("--unsorted", is_flag=True, help="Lines of one device need not stand together.")
@_example("auditor identify observations.jsonl > identities.jsonl")
@click.pass_context
def identify(ctx: click.Context, observations: Any, rules: Path | None, *, unsorted: bool) -> None:
    """Identify devices from saved observations; no network."""
    gc.disable()  # modules and rules are made to stay: looking through them finds nothing
    try:
        from auditor.identify import identify_lines, load_rules  # noqa: PLC0415
        from auditor.model import Identity  # noqa: PLC0415
        from auditor.observe import observe, read_lines  # noqa: PLC0415

        loaded = load_rules(extra=rules)
    finally:
        gc.enable()
    for problem in loaded.problems:
        click.echo(f"warning: {_lines(problem)}", err=True)
    damaged = 0
    out = sys.stdout.buffer
    gc.freeze()  # nor does it later
    gc.set_threshold(50_000)  # facts go with their device, without the collector; 700 costs a tenth of the time
    items = identify_lines(read_lines(observations), loaded, observe=observe, unsorted=unsorted)
    try:
        for item in items:
            if isinstance(item, Identity):
                out.write(_json_line(item.to_json()))
            else:
                damaged += 1
                click.echo(f"{observations.name}, line {item.number}: {_lines(item.reason)}", err=True)
        out.flush()
    except BrokenPipeError:
        _reader_is_gone()
    except OSError as error:
        _reader_is_gone()
        raise StorageError(f"the input cannot be read, or the result cannot be written: {error.strerror}") from error
    ctx.exit(int(ExitCode.INCOMPLETE if damaged else ExitCode.COMPLETE))


def _json_line(document: dict[str, Any]) -> bytes:
    r"""Return what `json.dumps(document, ensure_ascii=False)` gives, and a line end, in half of the time.

    The faster encoder has no form with blanks behind commas on one line. With line breaks it has: no text holds one,
    as JSON writes them there as `\n`.
    """
    from pydantic_core import PydanticSerializationError, to_json  # noqa: PLC0415

    try:
        laid_out = to_json(document, indent=0)
    except PydanticSerializationError:  # half of a surrogate pair, which UTF-8 cannot hold
        text = json.dumps(document, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        return text.decode("utf-16-le", "replace").encode() + b"\n"  # an escape of it stops strict readers of JSON
    return laid_out.replace(b",\n", b", ").replace(b"\n", b"") + b"\n"


@cli.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("device")
@click.option("--rules", type=_FOLDER, help="Folder of site-local fingerprints, added to the built-in ones.")
@_example("auditor explain audit-hq 10.88.0.17", "auditor explain audit-hq mac-4419b6000005")
def explain(folder: Path, device: str, rules: Path | None) -> None:
    """Say why a device was named, and what would overturn it."""
    from auditor.pipeline.again import explain_device  # noqa: PLC0415

    _print(explain_device(folder, device, rules))


@cli.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--lang", type=click.Choice(["en"]), default="en", show_default=True, help="Language of the report.")
@click.option("--format", "formats", default="html,csv,json", show_default=True, help="Comma-separated.")
@_example("auditor report audit-hq", "auditor report audit-hq --format html")
def report(folder: Path, formats: str, lang: str) -> None:  # noqa: ARG001  (one language so far)
    """Write the reports of a finished run again."""
    from auditor.pipeline.again import rewrite  # noqa: PLC0415

    for path in rewrite(folder, tuple(part.strip() for part in formats.split(",") if part.strip())):
        click.echo(str(path))


@cli.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@_example("auditor plan audit-hq")
def plan(folder: Path) -> None:
    """Print the removal plan of a finished run."""
    from auditor.pipeline.again import plan_lines  # noqa: PLC0415

    _print(plan_lines(folder))


@cli.group()
def fingerprints() -> None:
    """Show, check and update the fingerprint data."""


@fingerprints.command("check")
@click.option("--rules", type=_FOLDER, help="Check this folder of site-local fingerprints too.")
@_example("auditor fingerprints check", "auditor fingerprints check --rules our-rules")
@click.pass_context
def fingerprints_check(ctx: click.Context, rules: Path | None) -> None:
    """Run the self-test of the fingerprints: every example and counter-example of every rule."""
    from auditor.identify import selftest  # noqa: PLC0415

    _report_problems(ctx, selftest.check(extra=rules), "fingerprints")


@fingerprints.command("list")
@_example("auditor fingerprints list")
def fingerprints_list() -> None:
    """List the rules: id, observable, strength, what it says."""
    from auditor.pipeline.show import rule_lines  # noqa: PLC0415

    _print(rule_lines())


@fingerprints.command("show")
@click.argument("rule_id", metavar="RULE")
@_example("auditor fingerprints show hikvision.http.server.app-webs")
def fingerprints_show(rule_id: str) -> None:
    """Show one rule with its source, examples and counter-examples."""
    from auditor.pipeline.show import one_rule  # noqa: PLC0415

    _print(one_rule(rule_id))


@fingerprints.command("pack")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--sequence", type=click.IntRange(1, 10**9), required=True, help="Greater than that of the last pack.")
@click.option("--secret-key", type=_FILE, help="Sign with this key, made by `minisign -G`.")
@click.option("--signature", type=_FILE, help="Take this signature of the payload, made by `minisign -Sm`, instead.")
@click.option("--key", type=_FILE, help="Public key that --signature has to fit.")
@click.option("--payload-only", is_flag=True, help="Write the payload alone, to be signed elsewhere.")
@click.option("--keys", "key_lists", type=_FILE, multiple=True, help="A signed list of trusted keys; may be repeated.")
@click.option("--needs", metavar="VERSION", help="Least version of the program; by default this one.")
@click.option("--out", type=_FILE, required=True, help="File to write.")
@_example(
    "auditor fingerprints pack data --sequence 12 --secret-key hq.key --out update-12.cadata",
    "auditor fingerprints pack data --sequence 12 --payload-only --out payload.tar",
)
def fingerprints_pack(
    folder: Path, sequence: int, secret_key: Path | None, signature: Path | None, key_lists: Sequence[Path],
    needs: str | None, key: Path | None, out: Path, *, payload_only: bool,
) -> None:  # fmt: skip
    """Check a folder of data and sign it into one file for closed networks.

    DIR holds `fingerprints` and `policies`. The same folder gives the same bytes.
    """
    from auditor.common.errors import UsageError  # noqa: PLC0415
    from auditor.pipeline import data_update  # noqa: PLC0415

    named = [secret_key is not None, signature is not None, payload_only]
    if named.count(True) != 1:
        raise UsageError("name one of --secret-key, --signature and --payload-only")
    if (signature is None) != (key is None):
        raise UsageError("--signature and --key belong together")
    unsigned = data_update.prepare_pack(folder, sequence=sequence, needs=needs, key_lists=key_lists)
    if secret_key is not None:
        made = data_update.sign(unsigned, secret_key, lambda: _password(secret_key))
    elif signature is not None and key is not None:
        made = data_update.read_signature(signature, key, unsigned)
    else:
        data_update.write_new(out, unsigned.payload)
        click.echo(f"Wrote {out}. Sign it where the key is, with exactly this trusted comment:")
        click.echo(f"  minisign -Sm {out} -t '{unsigned.comment}'")
        return
    data_update.write_pack(unsigned, out, made)
    click.echo(f"Wrote {out}: {unsigned.comment}. Next, where it is to be used: `auditor fingerprints verify {out}`.")


def _password(key: Path) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Password of {key}", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


_KEY = click.option("--key", type=_FILE, help="Public key of headquarters; needed once, at the first installation.")
_REINSTALL = click.option("--reinstall", is_flag=True, help="Allow the very pack that is installed, to mend its files.")


@fingerprints.command("verify")
@click.argument("pack", metavar="PACK", type=_FILE)
@_KEY
@_REINSTALL
@_example("auditor fingerprints verify update-12.cadata", "auditor fingerprints verify update-12.cadata --key hq.pub")
def fingerprints_verify(pack: Path, key: Path | None, *, reinstall: bool) -> None:
    """Check a data pack exactly as an installation would, and change nothing.

    Prints who signed it, its version and age, and what differs from the data in use.
    """
    from auditor.pipeline.data_update import verify_lines  # noqa: PLC0415

    _print(verify_lines(pack, key, reinstall=reinstall))


@fingerprints.command("install")
@click.argument("pack", metavar="PACK", type=_FILE)
@_KEY
@_REINSTALL
@_example("auditor fingerprints install update-12.cadata --key hq.pub", "auditor fingerprints install update-13.cadata")
def fingerprints_install(pack: Path, key: Path | None, *, reinstall: bool) -> None:
    """Check a data pack and install it: whole, or not at all.

    It goes to the folder that CAMERA_AUDITOR_DATA names; else to /var/lib/camera-auditor for root and to
    XDG_DATA_HOME/camera-auditor for others.
    """
    from auditor.pipeline.data_update import install_lines  # noqa: PLC0415

    _print(install_lines(pack, key, reinstall=reinstall))


@cli.group()
def policies() -> None:
    """Show and check the policy packs."""


@policies.command("check")
@_example("auditor policies check")
@click.pass_context
def policies_check(ctx: click.Context) -> None:
    """Run the worked cases of every rule."""
    from auditor.assess import selftest  # noqa: PLC0415

    _report_problems(ctx, selftest.check(), "policies")


@policies.command("list")
@_example("auditor policies list")
def policies_list() -> None:
    """List the policy packs."""
    from auditor.pipeline.show import pack_lines  # noqa: PLC0415

    _print(pack_lines())


@policies.command("show")
@click.argument("pack_id", metavar="PACK")
@_example("auditor policies show uk-2022")
def policies_show(pack_id: str) -> None:
    """Show one pack: its rules, their force and their sources."""
    from auditor.pipeline.show import one_pack  # noqa: PLC0415

    _print(one_pack(pack_id))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        _say(_lines(line))


def _report_problems(ctx: click.Context, problems: Sequence[str], what: str) -> None:
    for problem in problems:
        click.echo(_lines(problem), err=True)
    if problems:
        click.echo(f"{len(problems)} problems in the {what}", err=True)
        ctx.exit(int(ExitCode.USAGE))
    click.echo(f"The {what} pass their self-test.")


@cli.command()
@click.argument("name", type=click.Choice(["audit", "observation", "site", "policy", "fingerprint"]))
@_example("auditor schema audit > audit.schema.json")
def schema(name: str) -> None:
    """Print a JSON Schema."""
    from auditor.pipeline.again import schema_of  # noqa: PLC0415

    click.echo(json.dumps(schema_of(name), indent=2, ensure_ascii=False))


@cli.command()
@click.option("--out", type=_FOLDER, help="Folder of the run; by default demo-audit-<time> here.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
@_example("auditor demo", "auditor demo --out demo")
@click.pass_context
def demo(ctx: click.Context, out: Path | None, *, quiet: bool) -> None:
    """Audit an emulated site on loopback."""
    from auditor.cli.progress import progress  # noqa: PLC0415
    from auditor.pipeline.demo import run_demo  # noqa: PLC0415

    with progress(quiet=quiet) as observer:
        result = run_demo(out, observer)
    _finish(ctx, result)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # A stop by the platform or a lost terminal is an interruption like Ctrl-C; the default would end without a word.
    for stop in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.default_int_handler)
    sys.exit(cli.main(prog_name="auditor", standalone_mode=True))
