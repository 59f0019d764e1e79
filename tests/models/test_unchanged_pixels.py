"""Version 1 of the law: pixels of common files, recorded before layouts were refused, are the same for ever."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import numpy as np
import pytest
from bmp_files import BITFIELDS, RGB, RLE4, RLE8, bmp, packed_rows
from gif_files import gif
from png_files import CHANNELS, PALETTE, png
from tiff_files import DEFLATE, LZW, NONE, Layout, tiff

from models.preprocessing import decode_image

WIDTH, HEIGHT = 23, 17
JPEGS = {
    "jpeg 4:2:0": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV01XKW3knDg3knMk4h;_zAQcl55)&sJ9v2`kDKRiEDJ?8BI!Zn>HbyrrEkIX6ModmpQ&KWM"
        "T47pHU`kO^PygEhLjevB4iga*CKVMXPc<zyPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zPft%zPf!2A"
        "01*fP5daqh0U`hb5di}c0sq7R9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D00Dgg0s{a95d{(<"
        "F+m0sQDFxnaTGFvk)a49Lb1UWQqk}vGh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!XJ~0^b98lfcX)Yv"
        "gM@{Khlq)al9QB`mY0~BnxdnmrKYE-sj9NGw6(UkxVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid_V@Vt`v1fL9{~UZ"
        "0RaI40RaI40RR91000010s{mE1_uZU3Jd?l0JRYS0s#U91Oo&I1q1{D0Rndb0RjUN1O*{61`<J02Vrp&A~Jyp6he`qvB3!=Gg9ys"
        "Vsg<679=#`CGi&+85$-hC@Cs6Ha9pqIzvQ7Mn_0VN>fx-R##YAT4Q8oW@l(=YIAgTc6WGrdV+(5g@%WSiHeewl$Dm3n3<ZQqok##"
        "r>Lo_va__cwzs&sy28W6#m2|T$;#5x)YaD4*xB0R<K*S$=jiF`^7Hid_V@Vt`v2Mh3<CiG0ucid06zfeZ1u=)-(oP$R@N^P7Xgo2"
        ";&dB^hUgrc)z)qe#HvZIk7pR-6fpaoxV#JYR+-S+k2)~R(9u;i%aa|tiYv;ikkpjipHs_Oo2I!t9B!BY03QOiFMj&bMSA!j_vPq)"
        "US;qamOtu66j5H>{w98RTjOW{*#"
    ),
    "jpeg cmyk": (
        "|JeWT01iQ9Z(?NtWB>pF0095n07C!`2?`4e2n`Dg3l0tq4-+626A}^=CmbFZATB8}FfJ)AEHgSvJ~K8(H!LkcS3yQhPEu1+GCo>i"
        "T2Nq0QBqI;zyK5o01*He1Va%3O%VWD5dcdO0RO}Q9{>OW1pxs80RaI300000000010s{mE1_uZU3Jd?l0JRVR0s#X90t5pE1q1{D"
        "00Dgg0s{a95d{(<F+m0sQDFxnaTGFvk)a49Lb1UWQqk}vGh%Xr2?`b$7#SKRCMPH<Dl|1VH#j*uLqtVJM@UIZQ&d$}S6EqEV`OD!"
        "XJ~0^b98lfcX)YvgM@{Khlq)al9QB`mY0~BnxdnmrKYE-sj9NGw6(UkxVgH*!^FkL$H>Xb($mz{*4NnC+Tr5k<mKk)=;`Y5^7Hid"
        "_V@Vt`v2Mh4g^C0O#oQ{O8@{r0K2B^F<;BFGm>kovhgjw+<_6nHPcOM!E4j2nenn1F3`8FNqwkC8vsb=n7ZT|ZL`BE86%1-S3tZ)"
        "vOrI2d=VRj4!sR|p0{Bxqo}>aAeCw=4FgXWHzC34UO(Zh=_9-!G3#Ab&xz#Q){3p;Q}&qy9@W%pdV{>l%}u6hqr@l7b47EoYHw{A"
        "KzdhSq28aduhP0}e+<J6VQ>y8uJY6G*Nx~u@%k&uu0HJ*iQ;~yx=a56^~qj?@caHf&(ezG=KIyz=%4ZCze??Bum9N"
    ),
    "jpeg progressive grey": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV01XKW3knDg3knMk4h;_zAQcl55)&sJ9v2`kDKRiEDJ?8BI!Zn>HbyrrEkIX6ModmpQ&KWM"
        "T47pHU`kO^PyfOI3kU!a02cuP5di<h02crO0RaI30000000000000041pov8+5iXv0RR910in-CQsXIK|HJ?s5C8%L00RL400000"
        "0000000IL50TB`*F*5(!00;pA009L82hm3!LGF-PPA*om!B^41^Z&#E6c7Ob000000000000000001!m+5iXv0RRR+0w4dx02vSf"
        "0s{d60000000000000000T2-}A^+L{2mt{A0Y4#UNr--%kmH~#AkvTj+5iXv0RR915Rd-=|HJ?o5CH)J0RaF200000000000096I"
        "F%bXS00;pA00BP`!R>;Ju)~7@b(u>zE*@?d|Je"
    ),
}
RECORDED = {
    "tiff 0 1 () 1 1 1": "b6fe7f86fe740eb7",
    "tiff 0 1 () 1 1 5": "b6fe7f86fe740eb7",
    "tiff 0 1 () 1 1 8": "b6fe7f86fe740eb7",
    "tiff 1 4 () 1 1 1": "4faef602682c84e0",
    "tiff 1 4 () 1 1 5": "4faef602682c84e0",
    "tiff 1 4 () 1 1 8": "4faef602682c84e0",
    "tiff 0 8 () 1 1 1": "916051af030eb1da",
    "tiff 0 8 () 1 1 5": "916051af030eb1da",
    "tiff 0 8 () 1 1 8": "916051af030eb1da",
    "tiff 1 8 () 1 1 1": "fdf92665b0352bc8",
    "tiff 1 8 () 1 1 5": "fdf92665b0352bc8",
    "tiff 1 8 () 1 1 8": "fdf92665b0352bc8",
    "tiff 1 12 () 1 1 1": "45d82addc715a574",
    "tiff 1 12 () 1 1 5": "45d82addc715a574",
    "tiff 1 12 () 1 1 8": "45d82addc715a574",
    "tiff 1 16 () 1 1 1": "a77c0156b4c95088",
    "tiff 1 16 () 1 1 5": "a77c0156b4c95088",
    "tiff 1 16 () 1 1 8": "a77c0156b4c95088",
    "tiff 1 16 () 1 2 1": "05c151330debb2f4",
    "tiff 1 16 () 1 2 5": "05c151330debb2f4",
    "tiff 1 16 () 1 2 8": "05c151330debb2f4",
    "tiff 1 32 () 1 1 1": "49bfe49673e07c74",
    "tiff 1 32 () 1 1 5": "49bfe49673e07c74",
    "tiff 1 32 () 1 1 8": "49bfe49673e07c74",
    "tiff 1 32 () 1 2 1": "115f0d2880053717",
    "tiff 1 32 () 1 2 5": "115f0d2880053717",
    "tiff 1 32 () 1 2 8": "115f0d2880053717",
    "tiff 1 8 (2,) 1 1 1": "e3bc3d45c79d7792",
    "tiff 1 8 (2,) 1 1 5": "e3bc3d45c79d7792",
    "tiff 1 8 (2,) 1 1 8": "e3bc3d45c79d7792",
    "tiff 2 8 () 1 1 1": "279dcc68b5192281",
    "tiff 2 8 () 1 1 5": "279dcc68b5192281",
    "tiff 2 8 () 1 1 8": "279dcc68b5192281",
    "tiff 2 8 () 2 1 1": "279dcc68b5192281",
    "tiff 2 8 () 2 1 5": "279dcc68b5192281",
    "tiff 2 8 () 2 1 8": "279dcc68b5192281",
    "tiff 2 16 () 1 1 1": "0cad1fab6f95a94b",
    "tiff 2 16 () 1 1 5": "0cad1fab6f95a94b",
    "tiff 2 16 () 1 1 8": "0cad1fab6f95a94b",
    "tiff 2 8 (2,) 1 1 1": "0597476f82a8af64",
    "tiff 2 8 (2,) 1 1 5": "0597476f82a8af64",
    "tiff 2 8 (2,) 1 1 8": "0597476f82a8af64",
    "tiff 2 8 (2,) 2 1 1": "0597476f82a8af64",
    "tiff 2 8 (2,) 2 1 5": "0597476f82a8af64",
    "tiff 2 8 (2,) 2 1 8": "0597476f82a8af64",
    "tiff 2 16 (2,) 1 1 1": "4cc3ced81ca77faa",
    "tiff 2 16 (2,) 1 1 5": "4cc3ced81ca77faa",
    "tiff 2 16 (2,) 1 1 8": "4cc3ced81ca77faa",
    "tiff 2 8 (1,) 1 1 1": "e58f32070603ef13",
    "tiff 2 8 (1,) 1 1 5": "e58f32070603ef13",
    "tiff 2 8 (1,) 1 1 8": "e58f32070603ef13",
    "tiff 2 8 (0,) 1 1 1": "279dcc68b5192281",
    "tiff 2 8 (0,) 1 1 5": "279dcc68b5192281",
    "tiff 2 8 (0,) 1 1 8": "279dcc68b5192281",
    "tiff 3 4 () 1 1 1": "e228eec14dfae3d1",
    "tiff 3 4 () 1 1 5": "e228eec14dfae3d1",
    "tiff 3 4 () 1 1 8": "e228eec14dfae3d1",
    "tiff 3 8 () 1 1 1": "92ff426fcafe940c",
    "tiff 3 8 () 1 1 5": "92ff426fcafe940c",
    "tiff 3 8 () 1 1 8": "92ff426fcafe940c",
    "tiff 5 8 () 1 1 1": "e741395340d01778",
    "tiff 5 8 () 1 1 5": "e741395340d01778",
    "tiff 5 8 () 1 1 8": "e741395340d01778",
    "tiff 5 16 () 1 1 1": "84d750ed4387686d",
    "tiff 5 16 () 1 1 5": "84d750ed4387686d",
    "tiff 5 16 () 1 1 8": "84d750ed4387686d",
    "tiff 8 8 () 1 1 1": "680583eaacc0b6bc",
    "tiff 8 8 () 1 1 5": "680583eaacc0b6bc",
    "tiff 8 8 () 1 1 8": "680583eaacc0b6bc",
    "png 0 1 False": "aa8979c5b11744e8",
    "png 0 1 True": "aa8979c5b11744e8",
    "png 0 2 False": "2d8240e987a67012",
    "png 0 2 True": "2d8240e987a67012",
    "png 0 4 False": "4faef602682c84e0",
    "png 0 4 True": "4faef602682c84e0",
    "png 0 8 False": "fdf92665b0352bc8",
    "png 0 8 True": "fdf92665b0352bc8",
    "png 0 16 False": "a77c0156b4c95088",
    "png 0 16 True": "a77c0156b4c95088",
    "png 2 8 False": "279dcc68b5192281",
    "png 2 8 True": "279dcc68b5192281",
    "png 2 16 False": "0cad1fab6f95a94b",
    "png 2 16 True": "0cad1fab6f95a94b",
    "png 3 1 False": "af4e44bcd821d5ff",
    "png 3 1 True": "af4e44bcd821d5ff",
    "png 3 2 False": "ce9c858dd08514d9",
    "png 3 2 True": "ce9c858dd08514d9",
    "png 3 4 False": "9d7428a11818a642",
    "png 3 4 True": "9d7428a11818a642",
    "png 3 8 False": "7aebf156bf9115d7",
    "png 3 8 True": "7aebf156bf9115d7",
    "png 4 8 False": "e3bc3d45c79d7792",
    "png 4 8 True": "e3bc3d45c79d7792",
    "png 4 16 False": "c9ae5304af4f5555",
    "png 4 16 True": "c9ae5304af4f5555",
    "png 6 8 False": "0597476f82a8af64",
    "png 6 8 True": "0597476f82a8af64",
    "png 6 16 False": "4cc3ced81ca77faa",
    "png 6 16 True": "4cc3ced81ca77faa",
    "bmp 1 17": "c92c305fb75c7d8d",
    "bmp 1 -17": "b3b38e547a0df80f",
    "bmp 4 17": "5f4bb1785d1f21ac",
    "bmp 4 -17": "7c9ef8277bc4747c",
    "bmp 8 17": "6f44298471f9d626",
    "bmp 8 -17": "09c59598233bb468",
    "bmp 16 40": "fc9a0e1fff4c456a",
    "bmp 16 108": "fc9a0e1fff4c456a",
    "bmp 16 124": "fc9a0e1fff4c456a",
    "bmp 24 40": "37842b957778403a",
    "bmp 24 108": "37842b957778403a",
    "bmp 24 124": "37842b957778403a",
    "bmp 32 40": "37842b957778403a",
    "bmp 32 108": "37842b957778403a",
    "bmp 32 124": "37842b957778403a",
    "bmp fields 16": "6c8b74d0ecfaf6b4",
    "bmp fields 32": "bcb8c6835c3423dd",
    "bmp rle8": "010c85730019bb7b",
    "bmp rle4": "39d437544b33a688",
    "gif 1 False": "f3f4042749de1297",
    "gif 1 True": "f3f4042749de1297",
    "gif own 1": "9a0af6cae8d5dbca",
    "gif partial 1": "604cd30096278373",
    "gif grey 1": "0c898d487a5cec29",
    "gif 3 False": "e1ea90ee8398bb8e",
    "gif 3 True": "e1ea90ee8398bb8e",
    "gif own 3": "acc13574981c5845",
    "gif partial 3": "005ebf53a9eeeeca",
    "gif grey 3": "d24ecea149f11804",
    "gif 8 False": "6bf89a38761690c0",
    "gif 8 True": "6bf89a38761690c0",
    "gif own 8": "5cf76c23f17cbb1f",
    "gif partial 8": "f6ad4c4c032f0e0d",
    "gif grey 8": "fdf92665b0352bc8",
    "jpeg 4:2:0": "aad9975994ccbd81",
    "jpeg cmyk": "3156555095ac14a9",
    "jpeg progressive grey": "075dd5485545fa98",
}


def samples(channels: int, bits: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """Whole numbers that spread over all of their bits."""
    y, x, channel = np.indices((HEIGHT, WIDTH, channels), np.uint64)
    return (x * 2654435761 + y * 40503 * 65537 + channel * 7919 * 131071) >> np.uint64(7) & np.uint64(
        2**bits - 1
    )


def tiffs() -> Iterator[tuple[str, bytes]]:
    for photometric, bits, extra, planar, form in (
        (0, 1, (), 1, 1), (1, 4, (), 1, 1), (0, 8, (), 1, 1), (1, 8, (), 1, 1), (1, 12, (), 1, 1), (1, 16, (), 1, 1),
        (1, 16, (), 1, 2), (1, 32, (), 1, 1), (1, 32, (), 1, 2), (1, 8, (2,), 1, 1), (2, 8, (), 1, 1), (2, 8, (), 2, 1),
        (2, 16, (), 1, 1), (2, 8, (2,), 1, 1), (2, 8, (2,), 2, 1), (2, 16, (2,), 1, 1), (2, 8, (1,), 1, 1),
        (2, 8, (0,), 1, 1), (3, 4, (), 1, 1), (3, 8, (), 1, 1), (5, 8, (), 1, 1), (5, 16, (), 1, 1), (8, 8, (), 1, 1),
    ):  # fmt: skip
        for compression, predictor in ((NONE, 1), (LZW, 1), (DEFLATE, 2 if bits in (8, 16) else 1)):
            layout = Layout(photometric, bits, extra, form, "<", planar, compression, predictor)
            stored = samples(layout.samples, bits).astype(layout.stored_type())
            yield f"tiff {photometric} {bits} {extra} {planar} {form} {compression}", tiff(stored, layout)


def pngs() -> Iterator[tuple[str, bytes]]:
    for colour, depths in (
        (0, (1, 2, 4, 8, 16)),
        (2, (8, 16)),
        (3, (1, 2, 4, 8)),
        (4, (8, 16)),
        (6, (8, 16)),
    ):
        for bits in depths:
            stored = samples(CHANNELS[colour], bits)
            palette = samples(3, 8).astype(np.uint8).tobytes()[: 3 << bits].ljust(3 << bits, b"\7")
            options = {"palette": palette, "transparent": b"\0\x80"} if colour == PALETTE else {}
            for interlaced in (False, True):
                yield (
                    f"png {colour} {bits} {interlaced}",
                    png(stored, colour, bits, interlaced=interlaced, **options),
                )


def bmps() -> Iterator[tuple[str, bytes]]:
    palette = samples(4, 8).astype(np.uint8).tobytes()
    for bits in (1, 4, 8):
        rows = packed_rows(samples(1, bits)[..., 0], bits)
        for height in (HEIGHT, -HEIGHT):
            yield (
                f"bmp {bits} {height}",
                bmp(rows, (WIDTH, height), bits, palette=palette[: 4 << bits].ljust(4 << bits)),
            )
    for bits in (16, 24, 32):
        rows = packed_rows(samples(1, bits)[..., 0], bits)
        for header in (40, 108, 124):
            yield f"bmp {bits} {header}", bmp(rows, (WIDTH, HEIGHT), bits, header=header, compression=RGB)
    for bits, masks in ((16, (0xF800, 0x7E0, 0x1F)), (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000))):
        rows = packed_rows(samples(1, bits)[..., 0], bits)
        yield (
            f"bmp fields {bits}",
            bmp(rows, (WIDTH, HEIGHT), bits, header=56, compression=BITFIELDS, masks=(*masks, 0)[:4]),
        )
    runs = b"".join(bytes((9, n, 0, 6, n, 1, 2, 3, 4, 5, 8, n + 1, 0, 0)) for n in range(HEIGHT)) + b"\0\1"
    yield "bmp rle8", bmp(runs, (WIDTH, HEIGHT), 8, compression=RLE8, palette=palette[:1024].ljust(1024))
    runs = (
        b"".join(bytes((9, 16 * (n % 16) + 3, 0, 6, n, 1, 2, 0, 8, n + 1, 0, 0)) for n in range(HEIGHT))
        + b"\0\1"
    )
    yield "bmp rle4", bmp(runs, (WIDTH, HEIGHT), 4, compression=RLE4, palette=palette[:64])


def gifs() -> Iterator[tuple[str, bytes]]:
    palette = samples(3, 8).astype(np.uint8).tobytes()
    for bits in (1, 3, 8):
        indices, colours = samples(1, bits)[..., 0], palette[: 3 << bits].ljust(3 << bits, b"\7")
        for interlaced in (False, True):
            yield f"gif {bits} {interlaced}", gif(indices, bits, palette=colours, interlaced=interlaced)
        yield f"gif own {bits}", gif(indices, bits, own_palette=colours, transparent=1)
        yield f"gif partial {bits}", gif(indices, bits, palette=colours, screen=(30, 30), at=(3, 5))
        yield f"gif grey {bits}", gif(indices, bits)


FILES = dict(
    [*tiffs(), *pngs(), *bmps(), *gifs(), *((name, base64.b85decode(text)) for name, text in JPEGS.items())]
)


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_of_version_1(name: str) -> None:
    rgb = decode_image(FILES[name]).rgb
    assert hashlib.sha256(repr(rgb.size).encode() + rgb.tobytes()).hexdigest()[:16] == RECORDED[name]


def test_nothing_recorded_is_left_out() -> None:
    assert RECORDED.keys() == FILES.keys()
