//! What an image of a message must be, checked before anything keeps it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Images that one message may have.
pub const MAX_IMAGES: usize = 20;

/// Bytes of one image.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Pixels of each side of an image.
pub const MAX_SIDE: usize = 8_000;

/// Why an image is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImageError {
    /// A type that is not taken.
    #[error("must be image/png, image/jpeg, image/gif or image/webp")]
    MediaType,
    /// The content is no base64.
    #[error("is no base64")]
    Base64,
    /// Too many bytes.
    #[error("has more than 10 MB")]
    TooLarge,
    /// The content is another type, or no image.
    #[error("the content is not {0}")]
    Mismatch(String),
    /// Too many pixels, or none.
    #[error("is {width} × {height} pixels, and each side must have 1 to 8,000")]
    Pixels {
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
}

impl ImageError {
    /// Which field of the image is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::MediaType => "media_type",
            _ => "base64",
        }
    }

    /// Whether it is only too large.
    #[must_use]
    pub const fn is_size(&self) -> bool {
        matches!(self, Self::TooLarge | Self::Pixels { width: 1.., height: 1.. })
    }
}

/// Checks an image as a client gave it.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(base64: &str, media_type: &str) -> Result<(), ImageError> {
    use imagesize::ImageType;
    if !matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp") {
        return Err(ImageError::MediaType);
    }
    if base64.len() / 4 * 3 > MAX_BYTES + 3 {
        return Err(ImageError::TooLarge);
    }
    let content = STANDARD.decode(base64).map_err(|_| ImageError::Base64)?;
    if content.len() > MAX_BYTES {
        return Err(ImageError::TooLarge);
    }
    let mismatch = || ImageError::Mismatch(media_type.to_owned());
    let found = match imagesize::image_type(&content).map_err(|_| mismatch())? {
        ImageType::Png => "image/png",
        ImageType::Jpeg => "image/jpeg",
        ImageType::Gif => "image/gif",
        ImageType::Webp => "image/webp",
        _ => return Err(mismatch()),
    };
    if found != media_type {
        return Err(mismatch());
    }
    let size = imagesize::blob_size(&content).map_err(|_| mismatch())?;
    if !(1..=MAX_SIDE).contains(&size.width) || !(1..=MAX_SIDE).contains(&size.height) {
        return Err(ImageError::Pixels { width: size.width, height: size.height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> String {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        STANDARD.encode(bytes)
    }

    #[test]
    fn a_small_png_is_taken() {
        assert_eq!(check(&png(1, 1), "image/png"), Ok(()));
    }

    #[test]
    fn content_of_another_type_is_refused() {
        assert_eq!(check(&png(1, 1), "image/jpeg"), Err(ImageError::Mismatch("image/jpeg".into())));
        assert_eq!(check(&STANDARD.encode("<svg/>"), "image/png"), Err(ImageError::Mismatch("image/png".into())));
        assert_eq!(check(&png(1, 1), "image/svg+xml"), Err(ImageError::MediaType));
    }

    #[test]
    fn too_many_pixels_are_refused() {
        assert!(matches!(check(&png(8_001, 1), "image/png"), Err(ImageError::Pixels { .. })));
        assert!(matches!(check(&png(0, 1), "image/png"), Err(ImageError::Pixels { .. })));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        assert_eq!(check("%%%", "image/png"), Err(ImageError::Base64));
    }
}
