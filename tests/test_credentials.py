"""Credentials are masked wherever they stand in a command line, and normal commands stay as they are."""

import shlex
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.credentials import MASK, message_without_credentials, without_credentials

SECRET = "hunter2-S3cr3t"
WITH_SECRETS = [
    "pytest --benchmark-storage elasticsearch+http://user:{}@host:9200/index",
    "pytest --benchmark-storage=elasticsearch+https://user:{}@one,two/index",
    "pytest '--benchmark-storage=elasticsearch+http://user:{}@host/a b'",
    'pytest "--benchmark-storage=elasticsearch+http://user:{}@host"',
    "pytest --track mlflow:http://user:{}@host/runs",
    "redis-cli redis://:{}@host",
    "pytest -o url=postgresql+psycopg2://me:{}@host/db bench",
    "pytest bench --url https://{}{}@host --url https://me@mail.org:{}@host",
    "pytest --es-token {} bench",
    "pytest --es-token={} bench",
    "pytest '--es-token={} and more' bench",
    "pytest --my-api-key {} bench",
    "pytest --apiKey={} bench",
    "pytest --db-password {} bench",
    "pytest --githubtoken={} bench",
    "pytest --client-secret {} bench",
    "pytest -o wandb_api_key={} bench",
    "WANDB_API_KEY={} pytest bench",
    "env HF_TOKEN='{} x' DB_PASS={} AWS_SECRET_ACCESS_KEY={} pytest bench",
    "AWS_ACCESS_KEY_ID={} OPENAI_KEY={} pytest bench",
    "pytest --url 'https://host/a?b=1&token={}&c=2'",
    "pytest --url 'https://host/a?X-Amz-Signature={}'",
    "pytest --url 'https://account.blob.core/a?sv=1&sig={}'",
    "pytest --header 'Authorization: Bearer {}'",
    "pytest --header 'Authorization: Basic {}' -x",
    "pytest --header 'X-Api-Key: {}'",
    "pytest --auth Bearer {}",
    """pytest --json '{{"token": "{}"}}'""",
    "pytest --options host=a,password={},port=1",
    "pytest --dsn 'Server=a;Password={};Port=1'",
    "pytest --db 'host=x password={} dbname=y'",
    "pytest --db 'Server=a;Password={} x;Port=1'",
    "pytest --password -{}",
    "pytest --pass {} --pw {} --pwd {} --wandb-key {} --db-key={}",
    "pytest --url http://me:12/{}@host",
]
NORMAL = [
    "pytest bench -k 'digits and resnet20-seed' --full-training --seeds 0,1,2 --results-dir /mnt/a@b/results",
    "pytest bench/test_token.py::test_token[resnet20-seed0] -k 'token or password' -m 'not secret'",
    "pytest --deselect=tests/test_secret.py::test_password --ignore tests/token -p no:secrets",
    "python -m harness report results-main results-branch --report-dir compared --public",
    "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-endpoint host:29400 --rdzv-id 7 -m pytest bench",
    "pytest --tokenizer bert --max-tokens 512 --num-tokens=5 --token-file ~/.token --password-stdin bench",
    "pytest --track mlflow:http://host:5000/#/experiments/1 --ray-address 10.0.0.1:6379",
    "pytest --benchmark-storage file:///data/a:b@c --benchmark-compare=0001 --benchmark-columns=min,max",
    "pytest --url https://user@host/a --url ssh://git@github.com/a/b.git --url https://host/@scope/pkg?q=1&page=2",
    "pytest folder:/data/a@b hf:user/set@main npz:C:\\data\\x.npz timm:resnet18.a1_in1k -c 'x=1; y: 2'",
    "OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=0,1 PWD=/home/x PYTHONPATH=. pytest bench -o addopts='-q -x'",
    "pytest --authors a --keyword b --passes 3 -k 'not slow' --key-order=x --monkey see --secretary=''",
    "uv run pytest \"bench\" -k 'it'\"'\"'s' --margin 0.5 --val-split=0.1 --epochs 30 --rerun",
    "# in a notebook or an interactive session",
    "<script>alert('x')</script> can't \"be",
]


@pytest.mark.parametrize("command", WITH_SECRETS)
def test_no_secret_remains_in_a_command(command):
    masked = without_credentials(command.replace("{{", "{").replace("}}", "}").replace("{}", SECRET))
    assert "hunter2" not in masked
    assert "S3cr3t" not in masked
    assert MASK in masked
    assert without_credentials(masked) == masked


@pytest.mark.parametrize("command", NORMAL)
def test_normal_commands_stay_as_they_are(command):
    assert without_credentials(command) == command


def test_masking_a_long_word_takes_little_time():
    began = time.process_time()
    without_credentials('"' + "a" * 10**6)
    assert time.process_time() - began < 1


def test_the_rest_of_a_dsn_and_an_option_after_a_secret_stay():
    assert without_credentials("pytest --db 'host=x password=a dbname=y' --db-auth --rerun") == (
        "pytest --db 'host=x password=*** dbname=y' --db-auth --rerun"
    )


def test_the_rest_of_a_url_stays():
    assert without_credentials("pytest --x=http+a://user:pw@host:92/i?a=1&sig=x&b=2 bench") == (
        "pytest '--x=http+a://user:***@host:92/i?a=1&sig=***&b=2' bench"
    )


SECRETS = st.text(string.printable.strip() + " é", min_size=6, max_size=20).map(lambda text: f"q7{text}7q")
FORMS = st.sampled_from([
    ["pytest", "--storage", "a+http://user:{}@host/index"], ["pytest", "--url=http://user:{}@host"],
    ["pytest", "--my-token", "{}"], ["pytest", "--my-token={}", "-x"], ["MY_PASSWORD={}", "pytest"],
])  # fmt: skip


@given(SECRETS, FORMS)
def test_no_quoted_secret_of_any_characters_remains(secret, form):
    masked = without_credentials(shlex.join(word.replace("{}", secret) for word in form))
    assert "q7" not in masked
    assert "7q" not in masked
    assert shlex.split(masked)[0] in ("pytest", f"MY_PASSWORD={MASK}")


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("can't reach http://u:pw@host/a: it isn't up", "can't reach http://u:***@host/a: it isn't up"),
        ("401 for https://host/a?token=abc", "401 for https://host/a?token=***"),
        ("sent 'Authorization: Bearer abc.def'", "sent 'Authorization: Bearer ***'"),
        ("the token: a file's name; the password is wrong", "the token: a file's name; the password is wrong"),
        ("WANDB_API_KEY=abc is not valid", "WANDB_API_KEY=*** is not valid"),
        ("set HF_TOKEN=hf: then rerun; class folders cookie:1", "set HF_TOKEN=hf: then rerun; class folders cookie:1"),
        ("no class token:120; password:hunter2", "no class token:120; password:***"),
        ("refused {'password': 'x', 'token':'abc'}", "refused {'password': 'x', 'token':'***'}"),
        ("--seeds 1,x: 'x' is not an integer", "--seeds 1,x: 'x' is not an integer"),
    ],
)
def test_messages_lose_their_secrets_and_nothing_else(message, masked):
    assert message_without_credentials(message) == masked
