"""What is known of a file, without any input or output.

``result``: the facts. ``record``: a result as a line of JSON. ``names``: a path as reports print it.
``identity``: what a result depends on besides the bytes. ``sampling``: which frames are looked at.
"""

from models.error_codes import ErrorCode as ErrorCode
from models.error_codes import Status as Status
from models.faces.face import Unjudged as Unjudged
from scanner.results.declared import Declared as Declared
from scanner.results.result import SETTLING_NS as SETTLING_NS
from scanner.results.result import WHOLE_IMAGE as WHOLE_IMAGE
from scanner.results.result import Coverage as Coverage
from scanner.results.result import FileResult as FileResult
from scanner.results.result import Finding as Finding
from scanner.results.result import Region as Region
from scanner.results.result import RememberedBy as RememberedBy
from scanner.results.result import Stamp as Stamp
from scanner.results.result import Track as Track
from scanner.results.result import UnscoredFace as UnscoredFace
