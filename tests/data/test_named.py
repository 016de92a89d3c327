import hashlib
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from pocketnas.data import load as data
from pocketnas.data.fetch import Archive, downloads, fetched
from pocketnas.data.load import load
from pocketnas.data.named import cifar10, cifar100, imagenette
from pocketnas.errors import DataError

RNG = np.random.default_rng(0)


def packed(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def serve():
    """Serves bytes on loopback; gives their archive and the list of requests."""
    servers = []

    def start(content, name="set.tgz", md5=None):
        requests = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                requests.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        address = f"http://127.0.0.1:{server.server_port}/{name}"
        return Archive(address, md5 or hashlib.md5(content).hexdigest()), requests

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def records(images, labels, before):
    """As the CIFAR page says: labels, then 1,024 bytes each of red, green and blue."""
    pairs = zip(images, labels, strict=True)
    return b"".join(
        bytes([7] * before + [label]) + image.transpose(2, 0, 1).tobytes() for image, label in pairs
    )


@pytest.mark.parametrize(
    ("source", "names", "before"),
    [(cifar10, "batches.meta.txt", 0), (cifar100, "fine_label_names.txt", 1)],
)
def test_cifar(serve, tmp_path, monkeypatch, source, names, before):
    images = RNG.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    labels = [0, 1] * 12
    archive, requests = serve(
        packed(
            {
                f"c/{names}": b"cat\ndog\n\n",
                "c/test_batch.bin": records(images[20:], labels[20:], before),
                "c/data_batch_2.bin": records(images[10:20], labels[10:20], before),
                "c/data_batch_1.bin": records(images[:10], labels[:10], before),
            }
        )
    )
    monkeypatch.setitem(data._NAMED, "cifar10", lambda: source(archive, tmp_path))
    found = load("cifar10")
    assert np.array_equal(found.pixels, images)
    assert found.labels.tolist() == labels
    assert found.classes == ("cat", "dog")
    assert found.presplit_test.tolist() == [20, 21, 22, 23]
    assert load("cifar10", resolution=16, cache=tmp_path / "cache").pixels.shape[1:] == (16, 16, 3)
    assert requests == ["/set.tgz"]


def test_imagenette(serve, tmp_path, monkeypatch):
    members = {}
    for part, count in (("train", 10), ("val", 2)):
        for kind in ("n01440764", "n03888257"):
            for index in range(count):
                file = io.BytesIO()
                Image.new("RGB", (5, 4)).save(file, "JPEG")
                members[f"imagenette2-160/{part}/{kind}/{index}.JPEG"] = file.getvalue()
    archive, _ = serve(packed(members))
    monkeypatch.setitem(data._NAMED, "imagenette", lambda: imagenette(archive, tmp_path))
    found = load("imagenette", resolution=4)
    assert found.classes == ("parachute", "tench")
    assert (len(found), len(found.presplit_test)) == (24, 4)


def test_a_wrong_checksum_leaves_nothing(serve, tmp_path):
    archive, _ = serve(b"another page", md5="0" * 32)
    with pytest.raises(DataError, match=r"MD5 .* expected 0{32}; .* put it at .*set\.tgz"):
        fetched(archive, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_put_there_by_hand(serve, tmp_path):
    archive, requests = serve(b"content")
    (tmp_path / "set.tgz").write_bytes(b"content")
    assert fetched(archive, tmp_path).read_bytes() == b"content"
    (tmp_path / "set.tgz").write_bytes(b"half")
    with pytest.raises(DataError, match=r"set\.tgz: its MD5 is .* delete it"):
        fetched(archive, tmp_path)
    assert requests == []


def test_offline(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but not listening: refused
        archive = Archive(f"http://127.0.0.1:{closed.getsockname()[1]}/set.tgz", "0" * 32)
        with pytest.raises(DataError, match=r"cannot be fetched .*refused") as caught:
            fetched(archive, tmp_path / "deep")
    assert f"put it at {tmp_path / 'deep' / 'set.tgz'}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_progress_and_where_downloads_are_kept(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []
    archive, _ = serve(bytes(3_000_000))
    fetched(archive, downloads(), lambda *call: calls.append(call))
    assert (tmp_path / "pocketnas" / "set.tgz").stat().st_size == 3_000_000
    assert calls[-1] == (3_000_000, 3_000_000)
    assert len(calls) > 1
