//! The little of Protocol Buffers that is written here: event files of TensorBoard, nets as ONNX. A crate for it would bring
//! a compiler of messages or macros for the few fields that there are.

/// A message as it is written field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(Vec<u8>);

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

    /// Adds a whole number.
    pub fn int(self, field: u64, value: u64) -> Message {
        let mut message = self.key(field, 0);
        message.varint(value);
        message
    }

    /// Adds whole numbers of one field.
    pub fn ints(self, field: u64, values: impl IntoIterator<Item = usize>) -> Message {
        values.into_iter().fold(self, |message, value| message.int(field, value as u64))
    }

    /// Adds a number of double precision.
    pub fn double(self, field: u64, value: f64) -> Message {
        let mut message = self.key(field, 1);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// Adds a number of single precision.
    pub fn float(self, field: u64, value: f32) -> Message {
        let mut message = self.key(field, 5);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// Adds bytes.
    pub fn bytes(self, field: u64, value: &[u8]) -> Message {
        let mut message = self.key(field, 2);
        message.varint(value.len() as u64);
        message.0.extend(value);
        message
    }

    /// Adds a text.
    pub fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    /// Adds texts of one field.
    pub fn texts<'t>(self, field: u64, values: impl IntoIterator<Item = &'t str>) -> Message {
        values.into_iter().fold(self, |message, value| message.text(field, value))
    }

    /// Adds a message.
    pub fn message(self, field: u64, value: &Message) -> Message {
        self.bytes(field, &value.0)
    }

    /// Adds messages of one field.
    pub fn messages<'m>(self, field: u64, values: impl IntoIterator<Item = &'m Message>) -> Message {
        values.into_iter().fold(self, |message, value| message.message(field, value))
    }

    /// The message as it is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The message as it is written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_format() {
        let message = Message::default().int(1, 150).text(2, "testing");
        assert_eq!(message.as_bytes(), b"\x08\x96\x01\x12\x07testing");
        let nested = Message::default().message(3, &message).ints(4, [1, 300]).float(5, 1.0);
        assert_eq!(nested.as_bytes(), b"\x1a\x0c\x08\x96\x01\x12\x07testing\x20\x01\x20\xac\x02\x2d\0\0\x80\x3f");
    }
}
