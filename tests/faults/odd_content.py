"""Kinds of odd content with the right SHA-256, as somebody writes it who knows the formats."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from harness.files import with_sha256

_VALUES = (
    None, "", "text", "-1", True, False, -1, 0, 1, 2, 0.5, -0.0, 1e30, 1e308, 5e-324, -1e308, 2**53 + 1, 2**63, 10**40,
    10**400, [], {}, [[]], [None], {"a": 1}, "9" * 5000, "x" * 200_000, "\x1b[31mred\x1b[0m", "=HYPERLINK(1)", "../../x",
    "\ud800", "caf\udce9", "<script>alert(1)</script>", "a\nb\r\nc", "\x00", "\u202e", "1970-01-01", "NaN", "npz:/etc/passwd",
)  # fmt: skip
_NEW_KEYS = ("x", "", "__class__", "sha256", "\ud800", "a" * 1000)


def _mutate(value, random):
    """Return JSON content with one change somewhere in it."""
    steps = _steps(value)
    path = random.choice(steps) if random.random() < 0.8 else random.choice([one for one in steps if len(one) <= 1])
    return _changed(value, path, random)


def _steps(value, before=()):
    """Return the path of every value inside the content, its own first."""
    if isinstance(value, dict):
        return [before, *(path for key in value for path in _steps(value[key], (*before, key)))]
    if isinstance(value, list):
        return [before, *(path for place in range(len(value)) for path in _steps(value[place], (*before, place)))]
    return [before]


def _changed(value, path, random):
    if path:
        copy = value.copy()
        copy[path[0]] = _changed(value[path[0]], path[1:], random)
        return copy
    ways = [lambda: random.choice(_VALUES)]
    if isinstance(value, dict) and value:
        ways += [lambda: _without(value, random), lambda: value | {random.choice(_NEW_KEYS): random.choice(_VALUES)}]
    if isinstance(value, list):
        ways += [list, lambda: value * 2, lambda: value * 3000, lambda: value[:-1], lambda: value[::-1]]
    if isinstance(value, int | float):
        ways += [lambda: value * 2, lambda: value + 1, lambda: -value, lambda: float(min(value, 10**300)), lambda: str(value)]
    if isinstance(value, str):
        ways += [lambda: value + "x", lambda: value * 500, lambda: value[:-1]]
    return random.choice(ways)()


def _without(value, random):
    left_out = random.choice(list(value))
    return {key: value[key] for key in value if key != left_out}


def _deep(depth):
    return "[" * depth + "]" * depth


def _text(content):
    """Return JSON as text, sealed if it can be."""
    if not isinstance(content, dict):
        return json.dumps(content)
    content = {key: value for key, value in content.items() if key != "sha256"}
    try:
        return with_sha256(content)
    except ValueError:  # an integer of too many digits, written by a longer way
        return json.dumps(content)


def _write(path, text):
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


def _forged(times):
    def kind(place, random):
        content = json.loads(place.path.read_text())
        for _ in range(times):
            content = _mutate(content, random)
        _write(place.path, _text(content))

    return kind


def _plain(place, random):
    _write(place.path, json.dumps(_mutate(json.loads(place.path.read_text()), random)))


def _nested(place, random):
    _write(place.path, _deep(random.choice([50, 900, 100_000])))


def _sealed_nested(place, random):
    content = json.loads(place.path.read_text())
    inner = []
    for _ in range(random.choice([10, 150, 400])):
        inner = [inner]
    content[random.choice(list(content))] = inner
    _write(place.path, _text(content))


def _constants(place, random):
    """Replace a number by one that JSON does not have."""
    word = random.choice(["NaN", "Infinity", "-Infinity", "1e999", "0x10", "1_000", "9" * 5000])
    text = place.path.read_text()
    numbers = [part for part in text.split() if part.rstrip(",").replace(".", "").isdigit()]
    _write(place.path, text.replace(random.choice(numbers).rstrip(","), word, 1) if numbers else word)


SEALED = {"forged": _forged(1), "forged twice": _forged(2), "nested": _nested, "sealed and nested": _sealed_nested, "not JSON": _constants}  # fmt: skip
UNSEALED = {"forged": _plain, "nested": _nested, "not JSON": _constants}


def reseal(folder: Path, name: str) -> None:
    """Enter the SHA-256 of a changed file into the case's result, as a forger does."""
    path = folder / "result.json"
    if path.is_file():
        content = json.loads(path.read_text())
        content["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        _write(path, _text(content))


def _resealed(write):
    """Return a kind that writes a file of a case and enters its SHA-256 into the result."""

    def kind(place, random):
        write(place.path, random)
        reseal(place.path.parent, place.path.name)

    return kind


def _change_lines(path, random):
    lines = path.read_bytes().splitlines()
    number = random.randrange(len(lines))
    ways = [
        lambda: lines[:number] + lines[number + 1 :], lambda: lines[: number + 1] + lines[number:], lambda: [],
        lambda: lines[::-1], lambda: lines * 3000, lambda: [*lines, lines[number][: len(lines[number]) // 2]],
        lambda: [*lines, b"", b""], lambda: [b"\xff", *lines], lambda: [b"\xef\xbb\xbf" + lines[0], *lines[1:]],
        lambda: [b"null"] * len(lines),
    ]  # fmt: skip
    path.write_bytes(b"".join(line + b"\n" for line in random.choice(ways)()))


def _forge_line(path, random):
    lines = path.read_bytes().splitlines()
    number = random.randrange(len(lines))
    changed = json.dumps(_mutate(json.loads(lines[number]), random))
    lines[number] = changed.encode("utf-8", "surrogatepass")
    path.write_bytes(b"".join(line + b"\n" for line in lines))


LINES = {"lines changed": _resealed(_change_lines), "line forged": _resealed(_forge_line)}


def _arrays(path):
    with np.load(path) as arrays:
        return dict(arrays)


def _odd_arrays(path, random):
    """Write predictions that are not those of the test images."""
    arrays = _arrays(path)
    name = random.choice(["labels", "predictions"])
    one = arrays[name]
    ways = (
        one[:0], one[:1], one[:-1], one[0], one[:, None], np.stack([one, one]), one.astype(str), one.astype(bytes),
        one * np.nan, one + 0.5, one - 10, one + 1000, one.astype(np.uint64) + 2**63, one.astype(complex), one > 0,
        np.tile(one, 1000), one.astype(">i8"), one.astype(np.int8), one.astype("datetime64[s]"), one[::-1],
        np.zeros(len(one), [("a", int)]), one.astype(np.float16), np.roll(one, 1), np.full_like(one, 2**40),
    )  # fmt: skip
    arrays[name] = random.choice(ways)
    np.savez_compressed(path, **arrays)


def _pickled(path, random):
    arrays = _arrays(path)
    arrays[random.choice(list(arrays))] = np.array([[1], {}, None], dtype=object)
    np.savez(path, **arrays)


def _other_names(path, random):
    arrays = _arrays(path)
    left_out = random.choice(list(arrays))
    renamed = {("other" if name == left_out else name): value for name, value in arrays.items()}
    np.savez_compressed(path, **random.choice([{}, {"labels": arrays["labels"]}, renamed, arrays | {"third": arrays["labels"]}]))  # fmt: skip


def _bomb(path, random):
    """Write a member of a few bytes whose header claims very many, or which unpacks to them."""
    header = {"descr": "<i8", "fortran_order": False, "shape": random.choice([(2 * 10**9,), (10**30,), (2**31, 2**31)])}
    start = io.BytesIO()
    np.lib.format.write_array_header_1_0(start, header)
    inflated = start.getvalue() + bytes(random.choice([0, 2**20, 400 * 2**20]))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("labels", "predictions"):
            file.writestr(f"{name}.npy", inflated)


def _odd_zip(path, random):
    with zipfile.ZipFile(path, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])) as file:
        for name in random.choice([("labels.npy",), ("labels.npy", "predictions.npy"), ("../labels.npy",), ()]):
            file.writestr(name, random.choice([b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{", b"text" * 100]))


def _npy(path, random):
    """Write an array file instead of an archive of arrays."""
    with open(path, "wb") as file:
        np.save(file, np.arange(24))


def _garbage(path, random):
    path.write_bytes(random.choice([b"", b"PK\x03\x04", random.randbytes(100), path.read_bytes()[:-30]]))


PREDICTIONS = {
    "odd arrays": _resealed(_odd_arrays),
    "pickled": _resealed(_pickled),
    "other names": _resealed(_other_names),
    "bomb": _resealed(_bomb),
    "odd archive": _resealed(_odd_zip),
    "an array": _resealed(_npy),
    "garbage resealed": _resealed(_garbage),
}


def _read_safetensors(path):
    """Return the header and the tensors' bytes of a safetensors file."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _with_header(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + data


def _forge_header(path, random):
    header, data = _read_safetensors(path)
    path.write_bytes(_with_header(_mutate(header, random), data))


def _odd_tensors(path, random):
    """Change a tensor's shape, type or numbers consistently, or leave one out or add one."""
    header, data = _read_safetensors(path)
    name = random.choice([one for one in header if one != "__metadata__"])
    first, last = header[name]["data_offsets"]
    changes = [
        {"shape": [*header[name]["shape"], 1]}, {"shape": [1] * 70 + header[name]["shape"]},
        {"dtype": "I32"}, {"dtype": "F64"}, {"dtype": "C64"}, {"dtype": "BOOL"}, {"dtype": "F8_E4M3"}, {"dtype": "Q9"},
        {"shape": [10**12]}, {"shape": [2**40, 2**40]}, {"shape": []}, {"data_offsets": [0, 2**62]},
    ]  # fmt: skip
    way = random.randrange(len(changes) + 3)
    if way < len(changes):
        header[name] |= changes[way]
    elif way == len(changes):
        del header[name]
    elif way == len(changes) + 1:
        header["another"] = header[name]
    else:
        data = data[:first] + b"\xff" * (last - first) + data[last:]  # NaN
    path.write_bytes(_with_header(header, data))


def _odd_start(path, random):
    """Write a length of the header that does not fit, or a header that is not JSON."""
    header, data = _read_safetensors(path)
    path.write_bytes(
        random.choice([
            (2**63).to_bytes(8, "little"), (10**8).to_bytes(8, "little") + b"{}", b"", b"\x00" * 8,
            _with_header(b"{" * 5000, data), _with_header(b"null", data), _with_header(b'{"a":1}', data),
            _with_header({}, b""), _with_header(header, b""), _with_header(header, data + b"more"),
            _with_header(_deep(20_000).encode(), b""),
        ])
    )  # fmt: skip


WEIGHTS = {
    "header forged": _resealed(_forge_header),
    "odd tensors": _resealed(_odd_tensors),
    "odd start": _resealed(_odd_start),
    "garbage resealed": _resealed(_garbage),
}


def _hashed(write):
    """Return a kind that writes a checkpoint and the SHA-256 beside it."""

    def kind(place, random):
        write(place.path, random)
        sha256 = hashlib.sha256(place.path.read_bytes()).hexdigest()
        place.path.with_name(place.path.name + ".sha256").write_text(f"{sha256}  {place.path.name}\n")

    return kind


def _forge_records(path, random):
    """Change the records, the attempts or the shapes in a checkpoint."""
    header, data = _read_safetensors(path)
    about = json.loads(header["__metadata__"]["about"])
    ways = [
        lambda: about | {"records": about["records"] * 40}, lambda: about | {"records": []},
        lambda: about | {"records": about["records"][:1] * 99}, lambda: about | {"attempts": []},
        lambda: about | {"attempts": about["attempts"] * 5}, *[lambda: _mutate(about, random)] * 10,
    ]  # fmt: skip
    header["__metadata__"]["about"] = json.dumps(random.choice(ways)())
    path.write_bytes(_with_header(header, data))


def _forge_metadata(path, random):
    header, data = _read_safetensors(path)
    header["__metadata__"] = _mutate(header["__metadata__"], random)
    path.write_bytes(_with_header(header, data))


CHECKPOINTS = {
    "records forged": _hashed(_forge_records),
    "metadata forged": _hashed(_forge_metadata),
    "header forged": _hashed(_forge_header),
    "odd tensors": _hashed(_odd_tensors),
    "odd start": _hashed(_odd_start),
    "garbage resealed": _hashed(_garbage),
}
