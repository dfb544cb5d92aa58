"""Several tenants from one configuration: each into its own dataset, none in another's way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from filelock import FileLock

from feishu_source import check, feishu_source, load, plan, tenants
from feishu_source.cli import main
from feishu_source.cli.tenants import worst
from feishu_source.destination import lock_path, open_pipeline
from feishu_source.errors import ConfigurationError, CredentialsRefused
from feishu_source.sandbox import Sandbox, StoreApp, World
from feishu_source.source import resolve_arguments
from tests.cli_tenant import workplace
from tests.test_bad_configuration import configure, fresh_dlt

__all__ = ["fresh_dlt", "workplace"]

NOW_MS = 1_790_000_000_000
POSTGRES = 'dataset = "chat"\ndestination = "postgres"'


def world_of(seed: int, word: str) -> World:
    """A tenant of one chat with one message."""
    world = World(seed=seed, now_ms=NOW_MS)
    world.post(world.add_chat(name=f"chat of {word}"), world.add_user("Ann"), text=word)
    return world


@dataclass
class Two:
    """Two tenants on two hosts, by the names acme and beta, beside what all inherit."""

    acme: Sandbox
    beta: Sandbox

    def configure(self, *, acme: str = "", beta: str = "", inherited: str = "") -> None:
        """Writes both files: ids beside the settings, secrets apart."""
        sections = [f"[sources.feishu]\nback_off_base_s = 0.0\n{inherited}"]
        secrets = []
        for name, sandbox, more in (("acme", self.acme, acme), ("beta", self.beta, beta)):
            head = f"[sources.feishu.tenants.{name}]"
            where = f'base_url = "{sandbox.base_url}"\napp_id = "{sandbox.app_id}"'
            sections.append(f"{head}\n{where}\n{more}")
            secrets.append(f'{head}\napp_secret = "{sandbox.app_secret}"')
        configure("\n".join(sections))
        configure("\n".join(secrets), "secrets.toml")


@pytest.fixture
def two(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    """Both served, and configured in the workplace."""
    monkeypatch.chdir(workplace)
    with Sandbox(world_of(11, "acme")) as acme, Sandbox(world_of(12, "beta")) as beta:
        made = Two(acme, beta)
        made.configure()
        yield made


def texts(dataset: str, database: str = "feishu_history.duckdb") -> list[str]:
    """The texts of all messages in a dataset."""
    with duckdb.connect(database, read_only=True) as connection:
        return [
            row[0] for row in connection.execute(f"select text from {dataset}.messages").fetchall()
        ]


def json_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object on stdout."""
    exit_code = main([*words, "--json"])
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert value["exit_code"] == exit_code
    return exit_code, value


# loading


def test_one_tenant_is_loaded_into_its_own_dataset(two: Two) -> None:
    """The other one is not asked."""
    assert main(["--tenant", "acme"]) == 0
    assert texts("feishu_acme") == ["acme"]
    assert two.beta.requests == []


def test_all_tenants_are_loaded_in_turn(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with a pipeline, a working folder and a lock of its own, told under its name."""
    assert main(["--all-tenants", "--pipelines-dir", "state"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if line.startswith(("tenant", "loaded"))] == [
        "tenant acme",
        "loaded into   duckdb, feishu_history.duckdb, dataset feishu_acme",
        "tenant beta",
        "loaded into   duckdb, feishu_history.duckdb, dataset feishu_beta",
    ]
    assert told[-1] == "2 tenants: acme 0, beta 0 (exit code 0)"
    assert (texts("feishu_acme"), texts("feishu_beta")) == (["acme"], ["beta"])
    names = ["feishu_history_acme", "feishu_history_beta"]
    locks = sorted(Path("state").rglob("*.lock"))
    assert sorted(path.stem for path in locks) == names
    assert len({path.parent for path in locks}) == 2
    states = {
        schema: duckdb.connect("feishu_history.duckdb", read_only=True)
        .execute(f"select distinct pipeline_name from {schema}._dlt_pipeline_state")
        .fetchall()
        for schema in ("feishu_acme", "feishu_beta")
    }
    assert states == {f"feishu_{name[15:]}": [(name,)] for name in names}


def test_tenant_that_fails_stops_no_other(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is the worst; JSON holds each account under its name."""
    two.acme.world.tokens.app_secret = "changed"
    exit_code, told = json_of(["--all-tenants"], capsys)
    assert exit_code == 1
    assert list(told["tenants"]) == ["acme", "beta"]
    assert told["tenants"]["acme"]["error"]["code"] == 10015
    assert told["tenants"]["beta"]["messages"] == 1
    assert texts("feishu_beta") == ["beta"]


def test_tenant_whose_settings_are_wrong_stops_no_other(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and the setting is named with its section; its value is not repeated."""
    two.configure(acme='workers = "hush"')
    exit_code, told = json_of(["--all-tenants"], capsys)
    assert (exit_code, told["tenants"]["acme"]["exit_code"]) == (2, 2)
    assert told["tenants"]["acme"]["error"]["message"] == (
        "setting workers is not a whole number: write workers = 1 under "
        "[sources.feishu.tenants.acme] in .dlt/config.toml, or "
        "SOURCES__FEISHU__TENANTS__ACME__WORKERS='1' in the environment."
    )
    assert texts("feishu_beta") == ["beta"]


def test_tenant_that_is_being_loaded_stops_no_other(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, if nothing worse happened; whoever reads stderr alone sees which one it was."""
    plan = tenants()["acme"].plan_pipeline(pipelines_dir="state")
    plan.folder.mkdir(parents=True)
    with FileLock(lock_path(plan.folder, plan.name)):
        assert main(["--all-tenants", "--pipelines-dir", "state"]) == 4
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "2 tenants: acme 4, beta 0 (exit code 4)"
    assert captured.err.splitlines()[0] == "tenant acme"


def test_quiet_round_says_nothing_of_tenants_that_are_complete(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    """And names the others."""
    two.acme.world.tokens.app_secret = "changed"
    assert main(["--all-tenants", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "tenant acme"
    assert "beta" not in captured.err


def test_interruption_ends_the_round(
    two: Two, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is meant for the whole command."""

    def press_ctrl_c() -> None:
        two.acme.world.on_look = None
        os.kill(os.getpid(), signal.SIGINT)

    two.acme.world.on_look = press_ctrl_c
    assert main(["--all-tenants"]) == 130
    assert capsys.readouterr().out.splitlines()[-1] == (
        "2 tenants: acme 130, beta not begun (exit code 130)"
    )
    assert two.beta.requests == []


@pytest.mark.parametrize(
    ("codes", "of_all"),
    [
        ([0, 0], 0),
        ([0, 3], 3),
        ([3, 4], 4),
        ([4, 1], 1),
        ([1, 2, 0], 2),
        ([2, 143], 143),
        ([], 0),
    ],
)
def test_exit_code_of_a_round_is_the_worst(codes: list[int], of_all: int) -> None:
    """By the order that docs/tenants.md tells."""
    assert worst(codes) == of_all


def test_chinese_round_is_told_in_chinese(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    """The heading and the last line too."""
    assert main(["--all-tenants", "--lang", "zh"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert (told[0], told[-1]) == ("租户 acme", "共 2 个租户：acme 0, beta 0（退出码 0）")


def test_check_and_plan_of_each_tenant(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    """What a load of each would meet and cost; nothing is written."""
    exit_code, told = json_of(["--all-tenants", "--check"], capsys)
    assert exit_code == 0
    findings = {
        name: {each["id"]: each["found"] for each in report["findings"]}
        for name, report in told["tenants"].items()
    }
    assert two.acme.app_id in findings["acme"]["credentials"]
    assert two.beta.app_id in findings["beta"]["credentials"]
    exit_code, told = json_of(["--all-tenants", "--plan"], capsys)
    assert (exit_code, list(told["tenants"])) == (0, ["acme", "beta"])
    exit_code, told = json_of(["--tenant", "beta", "--plan"], capsys)
    assert told["chats"] == 1
    assert not Path("feishu_history.duckdb").exists()


# what is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tenant", "acmee"], "no tenant acmee is configured: did you mean acme?"),
        (["--tenant", "zzz"], "no tenant zzz is configured: there are acme, beta."),
        (["--check", "--tenant", "acmee"], "did you mean acme?"),
        (["--plan", "--tenant", "acmee"], "did you mean acme?"),
        (["--tenant", "acme", "--all-tenants"], "give one of them"),
        (["--demo", "--tenant", "acme"], "--demo has a tenant of its own"),
        (["--all-tenants", "--dataset", "x"], "--dataset, --chat and --reset-chat are for one"),
        (["--all-tenants", "--chat", "oc_1"], "--dataset, --chat and --reset-chat are for one"),
        (["--tenant", "acme", "--dataset", "feishu_beta"], "both go to the dataset feishu_beta"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(
    two: Two, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nobody is asked."""
    assert main(words) == 2
    assert said in " ".join("".join(capsys.readouterr()).split())
    assert two.acme.requests == two.beta.requests == []


@pytest.mark.parametrize(
    ("acme", "beta"),
    [
        ('dataset = "chat"', 'dataset = "chat"'),
        ('dataset = "my-chat"', 'dataset = "My_chat"'),
        ('dataset = "chat"', 'dataset = "chat_staging"'),
        ('dataset = "ourChat"', 'dataset = "our_chat"'),
        ('dataset = "feishu_beta"', ""),
        ('dataset = "chat"\ndatabase = "x.duckdb"', 'dataset = "chat"\ndatabase = "./x.duckdb"'),
        (
            'dataset = "chat"\ndestination = "postgres"',
            'dataset = "chat"\ndestination = "postgres"',
        ),
    ],
)
def test_two_tenants_with_one_dataset_are_refused(
    two: Two, acme: str, beta: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is to be loaded: ids are unique in a tenant only, and each replaces the other's."""
    two.configure(acme=acme, beta=beta)
    for words in (["--all-tenants"], ["--tenant", "acme"]):
        assert main(words) == 2
        assert "the tenants acme and beta both go to the dataset" in capsys.readouterr().err
    assert two.acme.requests == two.beta.requests == []


@pytest.mark.parametrize(
    "beta",
    ['dataset = "chat"\ndatabase = "y.duckdb"', 'dataset = "chat"\ndestination = "postgres"'],
)
def test_one_dataset_name_at_two_places_is_no_clash(two: Two, beta: str) -> None:
    """Two files, or two destinations."""
    two.configure(acme='dataset = "chat"\ndatabase = "x.duckdb"', beta=beta)
    assert list(tenants()) == ["acme", "beta"]


def test_one_file_for_all_makes_a_clash_of_two_files(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option wins over what is configured, so it is looked at with it."""
    two.configure(
        acme='dataset = "chat"\ndatabase = "x.duckdb"',
        beta='dataset = "chat"\ndatabase = "y.duckdb"',
    )
    assert main(["--all-tenants", "--database", "z.duckdb"]) == 2
    assert "both go to the dataset chat" in capsys.readouterr().err
    assert main(["--all-tenants"]) == 0
    assert (texts("chat", "x.duckdb"), texts("chat", "y.duckdb")) == (["acme"], ["beta"])


@pytest.mark.usefixtures("workplace")
def test_without_any_tenant_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A round of none is no success."""
    for words in (["--all-tenants"], ["--tenant", "acme"]):
        assert main(words) == 2
        assert "no tenants are configured: give each a section" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Acme", "a__b", "ä", "_a", "a-b"])
def test_name_that_cannot_be_said_everywhere_is_refused(two: Two, name: str) -> None:
    """In the environment, as the name of a pipeline, of a dataset."""
    configure(f'[sources.feishu.tenants."{name}"]\ndataset = "x"')
    with pytest.raises(ConfigurationError, match="has a name that cannot be used"):
        tenants()


@pytest.mark.parametrize(
    ("name", "more"), [("x_1_of_2", ""), ("1_of_2", ""), ("x", 'pipeline = "x_1_of_2"')]
)
def test_tenant_whose_pipeline_would_be_a_shards_is_refused(
    two: Two, capsys: pytest.CaptureFixture[str], name: str, more: str
) -> None:
    """A load of it was told to give a shard that nobody meant."""
    configure(f"[sources.feishu.tenants.{name}]\n{more}")
    assert main(["--all-tenants"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"the tenant {name} cannot have the pipeline" in told
    assert "is that of shard 1/2. Name the tenant otherwise" in told


def test_tenant_of_such_a_name_takes_a_pipeline_of_another(two: Two) -> None:
    """As its refusal says."""
    configure('[sources.feishu.tenants.x_1_of_2]\npipeline = "x"')
    assert tenants()["x_1_of_2"].pipeline_arguments({})["name"] == "x"


def test_secret_in_the_file_for_settings_is_refused(
    two: Two, capsys: pytest.CaptureFixture[str]
) -> None:
    """As everywhere in dlt; it is not repeated."""
    two.configure(acme='app_secret = "hush"')
    configure("", "secrets.toml")
    assert main(["--tenant", "acme"]) == 2
    said = "".join(capsys.readouterr())
    assert "sources.feishu.tenants.acme.app_secret is a secret and stands in config.toml" in said
    assert "hush" not in said


# what is set for each


def test_what_is_not_given_is_inherited_and_what_is_said_wins(two: Two) -> None:
    """In this order: an argument, the tenant's own, `[sources.feishu]`, the default."""
    two.configure(inherited="page_size = 7\nworkers = 3", acme="page_size = 9")
    acme = resolve_arguments({"tenant": "acme"})
    assert (acme["page_size"], acme["workers"], acme["attempts"]) == (9, 3, 6)
    assert resolve_arguments({"tenant": "acme", "page_size": 11})["page_size"] == 11
    assert resolve_arguments({"tenant": "beta"})["page_size"] == 7


def test_environment_gives_a_tenants_settings_and_wins_over_its_files(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its kind: lists are JSON there. What the environment gives to all wins over no tenant."""
    two.configure(acme='include = ["x*"]\nlook_back_s = 700')
    monkeypatch.setenv("SOURCES__FEISHU__TENANTS__ACME__INCLUDE", '["a*", "b*"]')
    monkeypatch.setenv("SOURCES__FEISHU__TENANTS__ACME__THREADS", "false")
    monkeypatch.setenv("SOURCES__FEISHU__LOOK_BACK_S", "900")
    acme = resolve_arguments({"tenant": "acme"})
    assert (acme["include"], acme["threads"], acme["look_back_s"]) == (["a*", "b*"], False, 700)
    assert resolve_arguments({"tenant": "beta"})["look_back_s"] == 900


def test_environment_alone_makes_a_tenant(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a container that has no files."""
    for name in ("config.toml", "secrets.toml"):
        configure("", name)
    for key, value in (
        ("BASE_URL", two.beta.base_url),
        ("APP_ID", two.beta.app_id),
        ("APP_SECRET", two.beta.app_secret),
        ("DATASET", "from_env"),
    ):
        monkeypatch.setenv(f"SOURCES__FEISHU__TENANTS__BETA_2__{key}", value)
    assert list(tenants()) == ["beta_2"]
    assert main(["--tenant", "beta_2"]) == 0
    assert texts("from_env") == ["beta"]


@pytest.mark.parametrize(
    ("own", "resolved"),
    [
        ({}, {"app_id": "cli_x", "app_secret": "s", "user_access_token": "u-x"}),
        ({"APP_ID": "cli_y"}, {"app_id": "cli_y", "app_secret": "", "user_access_token": ""}),
        (
            {"USER_ACCESS_TOKEN": "u-y"},
            {"app_id": "", "app_secret": "", "user_access_token": "u-y"},
        ),
        (
            {"TENANT_KEY": "k"},
            {"app_id": "cli_x", "tenant_key": "k", "user_access_token": "", "app_ticket": "t"},
        ),
        (
            {"APP_TICKET_FILE": "f"},
            {"app_id": "cli_x", "app_ticket_file": "f", "app_ticket": "", "tenant_key": None},
        ),
    ],
)
@pytest.mark.usefixtures("workplace")
def test_credentials_are_those_of_one_app_or_one_person(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, str], resolved: dict[str, str]
) -> None:
    """A tenant with an app of its own is never asked with the token of somebody else."""
    for key, value in (
        ("APP_ID", "cli_x"),
        ("APP_SECRET", "s"),
        ("USER_ACCESS_TOKEN", "u-x"),
        ("APP_TICKET", "t"),
    ):
        monkeypatch.setenv(f"SOURCES__FEISHU__{key}", value)
    monkeypatch.setenv("SOURCES__FEISHU__TENANTS__ACME__DATASET", "acme")
    for key, value in own.items():
        monkeypatch.setenv(f"SOURCES__FEISHU__TENANTS__ACME__{key}", value)
    found = resolve_arguments({"tenant": "acme"})
    assert {key: found[key] for key in resolved} == resolved


def test_misspelt_setting_of_a_tenant_is_told_where_that_tenant_is_loaded(
    two: Two, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the nearest name, by a load and by the check; other tenants' loads do not mind."""
    two.configure(acme='look_back = 900\ndatset = "x"\nzzz = "hush"')
    monkeypatch.setenv("SOURCES__FEISHU__TENANTS__ACME__CHATIDS", "hush")
    _, told = json_of(["--all-tenants"], capsys)
    end = "is not a setting and is ignored"
    section = "under [sources.feishu.tenants.acme]"
    assert sorted(told["tenants"]["acme"]["warnings"]) == [
        f"SOURCES__FEISHU__TENANTS__ACME__CHATIDS in the environment {end}: did you mean chat_ids?",
        f"datset {section} {end}: did you mean dataset?",
        f"look_back {section} {end}: did you mean look_back_s?",
        f"zzz {section} {end}.",
    ]
    assert told["tenants"]["beta"]["warnings"] == []
    _, told = json_of(["--tenant", "acme", "--check"], capsys)
    (names,) = (each for each in told["findings"] if each["id"] == "setting_names")
    assert names["outcome"] == "near"
    assert "hush" not in json.dumps(told)


def test_history_that_was_loaded_before_is_gone_on_with(two: Two) -> None:
    """By the name of the pipeline that loaded it: nothing is read again but the look-back."""
    two.configure(acme='dataset = "feishu"\npipeline = "feishu_history"')
    access: dict[str, Any] = {
        "base_url": two.acme.base_url,
        "app_id": two.acme.app_id,
        "app_secret": two.acme.app_secret,
    }
    two.acme.world.advance(86_400)
    assert load(open_pipeline(pipelines_dir="state"), **access).new == 1
    two.acme.world.advance(86_400)
    report = load(tenants()["acme"].open_pipeline(pipelines_dir="state"), rungs="off")
    assert (report.pipeline, report.new, report.rows) == ("feishu_history", 0, 0)


# from Python


def test_python_loads_each_tenant(two: Two) -> None:
    """A pipeline knows the tenant that it was opened for."""
    for name, tenant in tenants().items():
        pipeline = tenant.open_pipeline(pipelines_dir="state")
        assert load(pipeline).exit_code == 0
        assert check(pipeline).exit_code == 0
        assert texts(f"feishu_{name}") == [name]
        assert plan(tenant=name).chats == 1


def test_python_loads_a_tenant_into_a_pipeline_of_its_own_choice(two: Two) -> None:
    """By name; what is said wins."""
    pipeline = open_pipeline(dataset="chosen", pipelines_dir="state")
    assert load(pipeline, tenant="beta", threads=False).exit_code == 0
    assert texts("chosen") == ["beta"]
    with pytest.raises(ConfigurationError, match="did you mean beta"):
        load(pipeline, tenant="betta")


def test_pipeline_of_one_tenant_takes_no_other(two: Two) -> None:
    """Neither by a load nor by the check."""
    pipeline = tenants()["acme"].open_pipeline(pipelines_dir="state")
    for attempt in (load, check):
        with pytest.raises(ConfigurationError, match="opened for the tenant acme, not beta"):
            attempt(pipeline, tenant="beta")
    assert two.acme.requests == two.beta.requests == []


def test_settings_of_a_tenant_are_arguments_of_the_source(two: Two) -> None:
    """For whatever else dlt offers."""
    pipeline = dlt.pipeline("p", destination=dlt.destinations.duckdb("p.duckdb"), dataset_name="d")
    pipeline.run(feishu_source(**tenants()["beta"].settings))
    assert texts("d", "p.duckdb") == ["beta"]


def test_no_tenant_shows_its_secrets(two: Two) -> None:
    """A repr lands in logs and tracebacks."""
    acme = tenants()["acme"]
    assert repr(acme) == "Tenant(name='acme', place={})"
    assert acme.settings["app_secret"] == two.acme.app_secret


# one app of the app store


def test_two_tenants_of_one_store_app_go_into_two_datasets(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The app is inherited, the tenant key is each one's own; the ticket is replaced in between."""
    monkeypatch.chdir(workplace)
    worlds = [world_of(21, "acme"), world_of(22, "beta")]
    app = StoreApp(*worlds, on_ticket=Path("app_ticket").write_text)
    with Sandbox(worlds[0], store_app=app) as sandbox:
        configure(
            f'''
            [sources.feishu]
            base_url = "{sandbox.base_url}"
            app_id = "{sandbox.app_id}"
            app_ticket_file = "app_ticket"
            back_off_base_s = 0.0
            [sources.feishu.tenants.acme]
            tenant_key = "{worlds[0].tenant_key}"
            [sources.feishu.tenants.beta]
            tenant_key = "{worlds[1].tenant_key}"
            '''
        )
        monkeypatch.setenv("SOURCES__FEISHU__APP_SECRET", sandbox.app_secret)
        assert main(["--all-tenants"]) == 0
        assert (texts("feishu_acme"), texts("feishu_beta")) == (["acme"], ["beta"])
        with pytest.raises(ConfigurationError, match="loaded with tenant_key"):
            load(open_pipeline(**tenants()["acme"].pipeline_arguments({})), tenant="beta")
        worlds[1].installed = False
        worlds[1].revoke_tokens()
        app.expire_tickets()
        app.push()
        assert main(["--all-tenants"]) == 1
        with pytest.raises(CredentialsRefused, match="code 10013"):
            load(tenants()["beta"].open_pipeline())
