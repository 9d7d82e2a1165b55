"""Kinds of odd predictions, weights and checkpoints with the right SHA-256, as a forger writes them."""

import hashlib
import io
import json
import zipfile

import numpy as np

from tests.faults.odd_json import deep, mutate, resealed


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
    ways = ({}, {"labels": arrays["labels"]}, renamed, arrays | {"third": arrays["labels"]})
    np.savez_compressed(path, **random.choice(ways))


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
    "odd arrays": resealed(_odd_arrays),
    "pickled": resealed(_pickled),
    "other names": resealed(_other_names),
    "bomb": resealed(_bomb),
    "odd archive": resealed(_odd_zip),
    "an array": resealed(_npy),
    "garbage resealed": resealed(_garbage),
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
    path.write_bytes(_with_header(mutate(header, random), data))


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
            _with_header(deep(20_000).encode(), b""),
        ])
    )  # fmt: skip


WEIGHTS = {
    "header forged": resealed(_forge_header),
    "odd tensors": resealed(_odd_tensors),
    "odd start": resealed(_odd_start),
    "garbage resealed": resealed(_garbage),
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
        lambda: about | {"attempts": about["attempts"] * 5}, *[lambda: mutate(about, random)] * 10,
    ]  # fmt: skip
    header["__metadata__"]["about"] = json.dumps(random.choice(ways)())
    path.write_bytes(_with_header(header, data))


def _forge_metadata(path, random):
    header, data = _read_safetensors(path)
    header["__metadata__"] = mutate(header["__metadata__"], random)
    path.write_bytes(_with_header(header, data))


CHECKPOINTS = {
    "records forged": _hashed(_forge_records),
    "metadata forged": _hashed(_forge_metadata),
    "header forged": _hashed(_forge_header),
    "odd tensors": _hashed(_odd_tensors),
    "odd start": _hashed(_odd_start),
    "garbage resealed": _hashed(_garbage),
}
