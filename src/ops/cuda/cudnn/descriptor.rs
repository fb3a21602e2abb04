//! Descriptors, of which cuDNN's backend API builds everything: each has a kind, gets attributes and is finalised.

use super::error::CudnnError;
use super::library::{Object, Table};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Kinds of descriptors: `cudnnBackendDescriptorType_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    /// Padding, stride and dilation.
    Convolution = 1,
    /// A way to compute a graph.
    Engine = 2,
    /// An engine with its settings.
    Configuration = 3,
    /// Configurations in the order in which they promise to be fast.
    Heuristics = 4,
    /// A configuration made ready to run.
    Plan = 5,
    /// An operation: output of images and filter.
    Forward = 10,
    /// An operation: gradient of the filter.
    ToFilter = 11,
    /// An operation: gradient of the images.
    ToData = 12,
    /// Operations that are computed together.
    Graph = 15,
    /// Where the tensors of a run are.
    Pack = 16,
    /// Sizes and layout of a tensor.
    Tensor = 17,
    /// Properties of a GPU, for planning without one.
    #[cfg(test)]
    Device = 38,
}

impl Kind {
    /// What making one means, as what cuDNN may not be able to do.
    fn making(self) -> &'static str {
        match self {
            Kind::Convolution => "describe a convolution",
            Kind::Engine | Kind::Configuration => "describe an engine",
            Kind::Heuristics => "look for engines",
            Kind::Plan => "make a plan",
            Kind::Forward | Kind::ToFilter | Kind::ToData => "describe a convolution's pass",
            Kind::Graph => "make a graph",
            Kind::Pack => "take the places of tensors",
            Kind::Tensor => "describe a tensor",
            #[cfg(test)]
            Kind::Device => "take the description of a GPU",
        }
    }
}

/// Values of an attribute: `cudnnBackendAttributeType_t` has their types.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A handle.
    Handle(&'a Object),
    /// A number format.
    Format(i32),
    /// Sizes and identifiers.
    Ints(&'a [i64]),
    /// A factor.
    Float(f32),
    /// Places on the GPU.
    Places(&'a [u64]),
    /// Convolution or, as nets use it, cross-correlation.
    Correlation(i32),
    /// A mode of the heuristics.
    Mode(i32),
    /// Another descriptor.
    Descriptor(&'a Descriptor),
    /// Text, with its zero.
    #[cfg(test)]
    Text(&'a [u8]),
}

/// The number of [`Value::Ints`].
const INT64: i32 = 3;
/// The number of an engine's notes.
const NOTE: i32 = 11;
/// The number of [`Value::Descriptor`].
const DESCRIPTOR: i32 = 15;

impl Value<'_> {
    /// Type, number of values and where they are.
    fn raw(&self) -> (i32, usize, *const c_void) {
        match self {
            Value::Handle(handle) => (0, 1, (&raw const **handle).cast()),
            Value::Format(code) => (1, 1, (&raw const *code).cast()),
            Value::Ints(ints) => (INT64, ints.len(), ints.as_ptr().cast()),
            Value::Float(float) => (4, 1, (&raw const *float).cast()),
            Value::Places(places) => (6, places.len(), places.as_ptr().cast()),
            Value::Correlation(code) => (7, 1, (&raw const *code).cast()),
            Value::Mode(code) => (8, 1, (&raw const *code).cast()),
            Value::Descriptor(other) => (DESCRIPTOR, 1, (&raw const other.at).cast()),
            #[cfg(test)]
            Value::Text(text) => (24, text.len(), text.as_ptr().cast()),
        }
    }
}

/// A descriptor, destroyed when it is dropped. What it was made of may go before it does.
pub struct Descriptor {
    at: Object,
    kind: Kind,
    table: &'static Table,
}

impl Descriptor {
    /// One that cuDNN is to fill.
    pub fn empty(table: &'static Table, kind: Kind) -> Result<Self, CudnnError> {
        let mut at = null_mut();
        // SAFETY: there is room for the pointer
        table.check(unsafe { (table.create_descriptor)(kind as i32, &mut at) }, kind.making())?;
        Ok(Descriptor { at, kind, table })
    }

    /// One with these attributes, finalised.
    pub fn new(table: &'static Table, kind: Kind, attributes: &[(i32, Value)]) -> Result<Self, CudnnError> {
        let made = Descriptor::empty(table, kind)?;
        for (attribute, value) in attributes {
            let (of, count, values) = value.raw();
            // SAFETY: the pointer is to that many values of the type; cuDNN copies them
            let status = unsafe { (table.set_attribute)(made.at, *attribute, of, count as i64, values) };
            table.check(status, kind.making())?;
        }
        // SAFETY: the descriptor is there
        table.check(unsafe { (table.finalize)(made.at) }, kind.making())?;
        Ok(made)
    }

    /// The pointer that cuDNN knows it by, good for as long as the descriptor lives.
    pub fn object(&self) -> Object {
        self.at
    }

    /// An attribute that is one number.
    pub fn number(&self, attribute: i32) -> Result<i64, CudnnError> {
        let mut number = [0];
        // SAFETY: the type's values are of this size
        unsafe { self.get(attribute, INT64, &mut number) }?;
        Ok(number[0])
    }

    /// The notes of an engine.
    pub fn notes(&self, attribute: i32) -> Result<Vec<i32>, CudnnError> {
        // (ten are known; there is room for those of later versions)
        let mut notes = vec![0; 64];
        // SAFETY: the type's values are of this size
        let found = unsafe { self.get(attribute, NOTE, &mut notes) }?;
        notes.truncate(found);
        Ok(notes)
    }

    /// The descriptors of an attribute.
    pub fn descriptors(&self, attribute: i32, kind: Kind) -> Result<Vec<Descriptor>, CudnnError> {
        // Asked without room, cuDNN tells how many there can be at most, then how many there are.
        // SAFETY: nothing is written where there is no room
        let most = unsafe { self.get::<Object>(attribute, DESCRIPTOR, &mut []) }?;
        let mut all = (0..most).map(|_| Descriptor::empty(self.table, kind)).collect::<Result<Vec<_>, _>>()?;
        let mut objects: Vec<Object> = all.iter().map(|descriptor| descriptor.at).collect();
        // SAFETY: the type's values are pointers to descriptors of the kind that is there, which cuDNN fills
        let found = unsafe { self.get(attribute, DESCRIPTOR, &mut objects) }?;
        all.truncate(found);
        Ok(all)
    }

    /// Writes values of an attribute to `to`. Returns how many there are.
    ///
    /// # Safety
    /// Values of the type `of` are of type `T`, and what pointers among those in `to` point to is cuDNN's.
    unsafe fn get<T>(&self, attribute: i32, of: i32, to: &mut [T]) -> Result<usize, CudnnError> {
        let (room, mut found) = (to.len(), 0);
        let values = if room == 0 { null_mut() } else { to.as_mut_ptr() };
        // SAFETY: there is room for that many values; their type is the caller's word
        let status =
            unsafe { (self.table.get_attribute)(self.at, attribute, of, room as i64, &mut found, values.cast()) };
        self.table.check(status, self.kind.making())?;
        let found = usize::try_from(found).unwrap_or(0);
        Ok(if room == 0 { found } else { found.min(room) })
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it was created once and is destroyed once; nobody can do anything about a failure
        unsafe { (self.table.destroy_descriptor)(self.at) };
    }
}
