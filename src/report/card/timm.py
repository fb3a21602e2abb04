import json, timm
from PIL import Image, ImageOps
from safetensors import safe_open
from torchvision import transforms as T

with safe_open("weights.safetensors", "pt") as file:
    about, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
channels, *size = json.loads(about["input_size"])
model = timm.create_model(about["architecture"], num_classes=int(about["num_classes"]), in_chans=channels,
                          **json.loads(about["model_args"]))
model.load_state_dict(weights)
prepare = T.Compose([T.Resize(int(about["resize"])), T.CenterCrop(size), T.ToTensor(),
                     T.Normalize(json.loads(about["mean"]), json.loads(about["std"]))])
image = ImageOps.exif_transpose(Image.open("photo.png")).convert("RGB" if channels == 3 else "L")
probabilities = model.eval()(prepare(image)[None]).softmax(1)[0].tolist()
print(sorted(zip(probabilities, json.loads(about["label_names"])), reverse=True)[:5])
