"""From bytes to pixels, by one law for training, evaluation, export and scan.

``laws``: the versions, side by side. ``v1``: what becomes of any picture. ``upright``: its turn and its colours.
``openers``: which formats are opened, and how one is known. ``codecs``: libraries of extras that some need. ``raw``:
which picture in a RAW file is taken. ``formats``: what is special of each: layouts that Pillow misreads, variants that
it cannot read, metadata that must not cost the picture. ``errors``: why bytes did not become pixels.
"""

from models.preprocessing.errors import ImageError as ImageError
from models.preprocessing.errors import ImageFacts as ImageFacts
from models.preprocessing.openers import DECODED_FORMATS as DECODED_FORMATS
from models.preprocessing.v1 import DRAFT_SIZE as DRAFT_SIZE
from models.preprocessing.v1 import MAX_PIXELS as MAX_PIXELS
from models.preprocessing.v1 import DecodedImage as DecodedImage
from models.preprocessing.v1 import decode_image as decode_image
from models.preprocessing.v1 import preprocess as preprocess
from models.preprocessing.v1 import to_input as to_input
from models.preprocessing.v1 import whole_picture as whole_picture
