from .errors import StylespaceError as StylespaceError
from .metrics.score import score as score
from .networks.style_network import StyleNetwork as StyleNetwork
from .pipelines import transforms as transforms
from .pipelines.deflicker import deflicker as deflicker
from .pipelines.learn_style import learn_style as learn_style
from .pipelines.live import live as live
from .pipelines.match import correspondences as correspondences
from .pipelines.match import match as match
from .pipelines.result import Result as Result
from .pipelines.sources import Area as Area
from .pipelines.sources import Classes as Classes
from .pipelines.sources import Guide as Guide
from .pipelines.texture import TextureResult as TextureResult
from .pipelines.texture import rearrange as rearrange
from .pipelines.texture import texture as texture
from .pipelines.transfer import invert as invert
from .pipelines.transfer import transfer as transfer
from .pipelines.video import stylize_video as stylize_video
from .styles.space import StyleSpace as StyleSpace

__version__: str
__all__: list[str]
