//! The little of Protocol Buffers and of TensorFlow's record files that event files need.

/// A message as it is written field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(mut self, field: u64, kind: u64) -> Message {
        self.varint(field << 3 | kind);
        self
    }

    pub(super) fn int(self, field: u64, value: u64) -> Message {
        let mut message = self.key(field, 0);
        message.varint(value);
        message
    }

    pub(super) fn double(self, field: u64, value: f64) -> Message {
        let mut message = self.key(field, 1);
        message.0.extend(value.to_le_bytes());
        message
    }

    pub(super) fn float(self, field: u64, value: f32) -> Message {
        let mut message = self.key(field, 5);
        message.0.extend(value.to_le_bytes());
        message
    }

    pub(super) fn bytes(self, field: u64, value: &[u8]) -> Message {
        let mut message = self.key(field, 2);
        message.varint(value.len() as u64);
        message.0.extend(value);
        message
    }

    pub(super) fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u64, value: &Message) -> Message {
        self.bytes(field, &value.0)
    }
}

/// A message as a record: its length, the length's checksum, the message, its checksum.
pub(super) fn record(message: &Message) -> Vec<u8> {
    let length = (message.0.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), &message.0, &masked(&message.0)].concat()
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
    fn messages_and_checksums_are_those_of_the_formats() {
        let message = Message::default().int(1, 150).text(2, "testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
        // The value that RFC 3720 gives for 32 zeros is 0x8a9136aa.
        assert_eq!(masked(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes());
        assert_eq!(records(&record(&message)).unwrap(), [&message.0[..]]);
    }
}
