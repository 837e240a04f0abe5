import { X } from "lucide-react";
import type { NewImage } from "../api/types";
import { IconButton } from "./Button";
import css from "./images.module.css";
import { tell } from "./Toast";

const TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const BYTES = 10_000_000;

/** Reads image files; those that the server would refuse are told and left out. */
export async function readImages(files: Iterable<File>): Promise<NewImage[]> {
  const images: NewImage[] = [];
  for (const file of files) {
    if (!TYPES.includes(file.type)) tell(`${file.name} is no PNG, JPEG, GIF or WebP image.`, true);
    else if (file.size > BYTES) tell(`${file.name} is larger than 10 MB.`, true);
    else images.push({ media_type: file.type, base64: await toBase64(file) });
  }
  return images;
}

function toBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(reader.error ?? new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
}

/** Images to be sent, each with a button that takes it out. */
export function Images({ images, onChange }: { images: NewImage[]; onChange: (images: NewImage[]) => void }) {
  if (images.length === 0) return null;
  return (
    <ul className={css.images} aria-label="Images">
      {images.map((image, index) => (
        <li key={image.base64.slice(-64)}>
          <img src={`data:${image.media_type};base64,${image.base64}`} alt={`To be sent, number ${index + 1}`} />
          <IconButton
            label={`Remove image ${index + 1}`}
            icon={<X size={14} />}
            onPress={() => onChange(images.filter((other) => other !== image))}
          />
        </li>
      ))}
    </ul>
  );
}
