//! The little of TensorFlow's record files that event files need.

use crate::protobuf::Message;

/// A message as a record: its length, the length's checksum, the message, its checksum.
pub(super) fn record(message: &Message) -> Vec<u8> {
    let message = message.as_bytes();
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), message, &masked(message)].concat()
}

/// CRC-32C, turned and shifted so that a checksum of data with checksums is sound.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The messages of a record file, when every checksum is right.
#[cfg(test)]
pub(super) fn records(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at_checked(8)?;
        let (sum, rest) = rest.split_at_checked(4)?;
        let (message, rest) = rest.split_at_checked(u64::from_le_bytes(length.try_into().ok()?) as usize)?;
        let (message_sum, rest) = rest.split_at_checked(4)?;
        (sum == masked(length) && message_sum == masked(message)).then_some(())?;
        found.push(message);
        bytes = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_format() {
        let message = Message::default().int(1, 150).text(2, "testing");
        // The value that RFC 3720 gives for 32 zeros is 0x8a9136aa.
        assert_eq!(masked(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes());
        assert_eq!(records(&record(&message)).unwrap(), [message.as_bytes()]);
    }
}
