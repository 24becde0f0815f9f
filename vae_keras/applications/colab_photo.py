"""Photographs in Google Colab: chosen on the reader's own computer, or taken by its camera."""

import base64
import tempfile
from pathlib import Path

from vae_keras import config
from vae_keras.data.images import ImageError

UPLOAD, CAMERA = "upload", "camera"
# Shows what the camera sees until a button is clicked; gives the picture as a data URL.
TAKE_PICTURE = """
(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const box = document.createElement("div");
  const video = document.createElement("video");
  const button = document.createElement("button");
  button.textContent = "Take the picture";
  const clicked = new Promise((done) => button.addEventListener("click", done));
  button.style = "display: block; font-size: 16px; margin: 8px 0";
  video.style = "max-width: 100%";
  box.append(button, video);
  document.body.append(box);
  video.srcObject = stream;
  await video.play();
  if (globalThis.google?.colab) google.colab.output.setIframeHeight(document.documentElement.scrollHeight, true);
  await clicked;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  for (const track of stream.getTracks()) track.stop();
  box.remove();
  return canvas.toDataURL("image/jpeg", 0.95);
})()
"""


def ask_for_photograph(way: str) -> Path:
    """Ask the reader of a notebook in Google Colab for a photograph. It goes to the notebook's runtime.

    Pictures that the notebook shows are saved with it.

    Args:
        way: "upload", to choose a file, or "camera".

    Returns:
        The path of the photograph.

    Raises:
        ImageError: This is not Colab, not one file was chosen, or the camera may not be used.
    """
    if not config.in_colab():
        raise ImageError(
            f'The word "{way}" works in Google Colab only: write the path of a photograph instead.'
        )
    return _upload() if way == UPLOAD else _take_picture()


def _upload():
    """Return the path of the file that the reader chose."""
    from google.colab import files

    names = list(files.upload())
    if len(names) != 1:
        raise ImageError(f"{len(names)} files were chosen: run the cell again and choose one photograph.")
    return Path(names[0])


def _take_picture():
    """Return the path of a picture by the camera."""
    from google.colab import output

    try:
        address = output.eval_js(TAKE_PICTURE)
    except Exception as error:
        raise ImageError(
            f"The camera gave no picture ({error}): allow it in the browser, or write a path."
        ) from None
    path = Path(tempfile.mkdtemp()) / "camera.jpg"
    path.write_bytes(base64.b64decode(address.partition(",")[2]))
    return path
