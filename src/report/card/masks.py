import json, numpy, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
channels = json.loads(about["input_size"])[0]
image = ImageOps.exif_transpose(Image.open("photo.png")).convert("RGB" if channels == 3 else "L")
edge, short = int(about["resize"]), min(image.size)
small = image.resize([max(1, edge * side // short) for side in image.size], Image.BILINEAR)
pixels = numpy.asarray(small, "float32").reshape(small.height, small.width, channels)
normalised = (pixels / 255 - json.loads(about["mean"])) / json.loads(about["std"])
logits = session.run(["logits"], {"images": normalised.transpose(2, 0, 1)[None].astype("float32")})[0][0]
mask = Image.fromarray(logits.argmax(0).astype("uint8")).resize(image.size, Image.NEAREST)
mask.save("mask.png")
labels = json.loads(about["label_names"])
print({labels[label]: n for n, label in sorted(mask.getcolors(), reverse=True)})
