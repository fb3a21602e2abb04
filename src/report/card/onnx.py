import json, numpy, onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession("model.onnx")
about = session.get_modelmeta().custom_metadata_map
channels, height, width = json.loads(about["input_size"])
image = ImageOps.exif_transpose(Image.open("photo.png")).convert("RGB" if channels == 3 else "L")
edge, short = int(about["resize"]), min(image.size)
image = image.resize([int(edge * side / short) for side in image.size], Image.BILINEAR)
left, top = round((image.width - width) / 2), round((image.height - height) / 2)
pixels = numpy.asarray(image.crop((left, top, left + width, top + height)), "float32").reshape(height, width, channels)
normalised = (pixels / 255 - json.loads(about["mean"])) / json.loads(about["std"])
logits = session.run(["logits"], {"images": normalised.transpose(2, 0, 1)[None].astype("float32")})[0][0]
powers = numpy.exp(logits - logits.max())
probabilities = (powers / powers.sum()).tolist()
print(sorted(zip(probabilities, json.loads(about["label_names"])), reverse=True)[:5])
