"""Preprocessing, version 1: the one law from bytes to pixels, for training, evaluation, export and scan.

``law``: what becomes of any picture. ``openers``: which formats are opened, and how one is known. ``formats``: what is
special of each: layouts that Pillow misreads, variants that it cannot read, metadata that must not cost the picture.
``errors``: why bytes did not become pixels.
"""

from models.preprocessing.errors import ImageError as ImageError
from models.preprocessing.errors import ImageErrorCode as ImageErrorCode
from models.preprocessing.errors import ImageFacts as ImageFacts
from models.preprocessing.law import DRAFT_SIZE as DRAFT_SIZE
from models.preprocessing.law import MAX_PIXELS as MAX_PIXELS
from models.preprocessing.law import DecodedImage as DecodedImage
from models.preprocessing.law import decode_image as decode_image
from models.preprocessing.law import preprocess as preprocess
from models.preprocessing.law import preprocess_bytes as preprocess_bytes
from models.preprocessing.law import to_input as to_input
from models.preprocessing.openers import DECODED_FORMATS as DECODED_FORMATS
