//! The calls into libnftnl: its objects, its userdata, its messages.
//!
//! What libnftnl does not check is kept by the two files beside this one, the only callers: an
//! attribute goes with the object or expression it belongs to and with a value of the kind it
//! takes, and names and values are measured before they come here.
#![allow(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use mnl::mnl_sys;
use nftnl::expr::Expression;
use nftnl::nftnl_sys as sys;
use nftnl::nftnl_sys::libc::nlmsghdr;
use nftnl::{MsgType, NlMsg, nft_nlmsg_maxsize};

use super::expression::Instruction;
use crate::netlink::message::{FAMILY_INET, Kind, REQUEST};

/// `NFNL_BATCH_GENID`.
const NFNL_BATCH_GENID: u16 = 1;
/// The room for an entry of userdata: 2 bytes of header, and a length of 8 bits.
const USERDATA_LEN: u32 = 2 + 255;

/// What an attribute is set to.
#[derive(Debug)]
pub enum Value<'a> {
    /// A number of 8 bits.
    U8(u8),
    /// A number of 16 bits, in host order as all of them.
    U16(u16),
    /// A number of 32 bits.
    U32(u32),
    /// A number of 64 bits.
    U64(u64),
    /// Text.
    Text(Cow<'a, CStr>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Text that is borrowed.
    pub fn text(text: &'a CStr) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Hands over the bytes as libnftnl's setters take them: numbers in memory, text with its NUL.
    fn with_bytes<T>(&self, take: impl FnOnce(*const c_void, u32) -> T) -> T {
        let take = |bytes: &[u8]| take(bytes.as_ptr().cast(), bytes.len() as u32);
        match self {
            Self::U8(number) => take(&number.to_ne_bytes()),
            Self::U16(number) => take(&number.to_ne_bytes()),
            Self::U32(number) => take(&number.to_ne_bytes()),
            Self::U64(number) => take(&number.to_ne_bytes()),
            Self::Text(text) => take(text.to_bytes_with_nul()),
            Self::Bytes(bytes) => take(bytes),
        }
    }
}

/// One of libnftnl's objects.
pub trait Object {
    /// Makes an empty one.
    const ALLOC: unsafe extern "C" fn() -> *mut Self;
    /// Frees it and what was added to it.
    const FREE: unsafe fn(*mut Self);
    /// Sets an attribute to a copy of the bytes.
    const SET: unsafe extern "C" fn(*mut Self, u16, *const c_void, u32) -> c_int;
    /// Appends its attributes to a message.
    const BUILD: unsafe fn(*mut nlmsghdr, *mut Self);
}

macro_rules! object {
    ($object:ident, $alloc:ident, $free:ident, $set:ident, $build:ident) => {
        impl Object for sys::$object {
            const ALLOC: unsafe extern "C" fn() -> *mut Self = sys::$alloc;
            // SAFETY: whoever calls these keeps what the C functions ask for; only `const` is taken off.
            const FREE: unsafe fn(*mut Self) = |object| unsafe { sys::$free(object) };
            const SET: unsafe extern "C" fn(*mut Self, u16, *const c_void, u32) -> c_int = sys::$set;
            // SAFETY: as above.
            const BUILD: unsafe fn(*mut nlmsghdr, *mut Self) = |header, object| unsafe { sys::$build(header, object) };
        }
    };
}

object!(nftnl_table, nftnl_table_alloc, nftnl_table_free, nftnl_table_set_data, nftnl_table_nlmsg_build_payload);
object!(nftnl_chain, nftnl_chain_alloc, nftnl_chain_free, nftnl_chain_set_data, nftnl_chain_nlmsg_build_payload);
object!(nftnl_set, nftnl_set_alloc, nftnl_set_free, nftnl_set_set_data, nftnl_set_nlmsg_build_payload);
object!(
    nftnl_set_elem,
    nftnl_set_elem_alloc,
    nftnl_set_elem_free,
    nftnl_set_elem_set,
    nftnl_set_elem_nlmsg_build_payload
);

/// An object that is freed when it goes out of scope.
#[derive(Debug)]
pub struct Owned<T: Object>(NonNull<T>);

impl<T: Object> Owned<T> {
    /// An empty one.
    pub fn new() -> Self {
        // SAFETY: it takes nothing, and gives a new object or null.
        Self(allocated(unsafe { T::ALLOC() }))
    }

    /// Sets an attribute. `attribute` is one of this object's, and takes a `value` of that kind.
    pub fn set(&mut self, attribute: u32, value: &Value) {
        let set = |bytes, len| {
            // SAFETY: the object lives as long as `self`, which is borrowed for this call alone.
            // libnftnl copies the bytes: of a number as many as its type has (it checks the length),
            // of text all up to the NUL that `Value::Text` has, of userdata, keys and the lengths of a
            // key's fields `len`. Keys have at most the 64 bytes that there is room for (`check_value`,
            // or an address); of too many lengths it takes none.
            unsafe { T::SET(self.0.as_ptr(), attribute as u16, bytes, len) }
        };
        abort_if_failed(value.with_bytes(set));
    }

    /// The message that creates, changes or deletes it.
    pub fn message(&self, kind: Kind, flags: u16, sequence: u32) -> Message {
        // SAFETY: both are valid; the object's names, userdata and numbers take less than 4 KiB.
        Message::write(kind, flags, sequence, |header| unsafe { T::BUILD(header, self.0.as_ptr()) })
    }

    /// Gives it up without freeing it.
    fn into_raw(self) -> *mut T {
        std::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl<T: Object> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it came from the allocator that belongs to this, and nobody else frees it:
        // `into_raw`, after which another object does, skips this.
        unsafe { T::FREE(self.0.as_ptr()) }
    }
}

impl Owned<sys::nftnl_set> {
    /// Adds an element with these attributes, `NFTNL_SET_ELEM_…`, each with a value of the kind it takes.
    pub fn add_element(&mut self, attributes: &[(u32, Value)]) {
        let mut element = Owned::<sys::nftnl_set_elem>::new();
        attributes.iter().for_each(|(attribute, value)| element.set(*attribute, value));
        // SAFETY: both are valid, and from here on the set frees the element.
        unsafe { sys::nftnl_set_elem_add(self.0.as_ptr(), element.into_raw()) }
    }

    /// The message that adds its elements to the kernel's set of that name, or deletes them. They
    /// are one of [`crate::netlink::element::pieces`].
    pub fn elements_message(&self, kind: Kind, flags: u16, sequence: u32) -> Message {
        // SAFETY: both are valid; a piece and two names take less than 64 KiB.
        Message::write(kind, flags, sequence, |header| unsafe {
            sys::nftnl_set_elems_nlmsg_build_payload(header, self.0.as_ptr());
        })
    }
}

/// An expression that a rule, or another expression, is going to own.
#[derive(Debug)]
struct OwnedExpression(NonNull<sys::nftnl_expr>);

impl OwnedExpression {
    fn new(instruction: &Instruction) -> Self {
        // SAFETY: the name has its NUL. libnftnl knows it, so only a lack of memory gives null.
        let expression = Self(allocated(unsafe { sys::nftnl_expr_alloc(instruction.name.as_ptr()) }));
        let pointer = expression.0.as_ptr();
        for (attribute, value) in &instruction.attributes {
            let set = |bytes, len| {
                // SAFETY: the expression is valid, and an `Instruction` pairs each attribute with the
                // kind of value that it takes. libnftnl copies the bytes: of a number as many as its
                // type has, of text all up to its NUL, of a value `len`, which is at most the 64 bytes
                // that there is room for (`check_value`).
                unsafe { sys::nftnl_expr_set(pointer, *attribute as u16, bytes, len) }
            };
            abort_if_failed(value.with_bytes(set));
        }
        debug_assert!(instruction.inner.is_empty() || instruction.name == c"dynset", "inner expressions");
        for inner in &instruction.inner {
            let inner = Self::new(inner).into_raw().as_ptr();
            // SAFETY: only a dynset has inner expressions, which is what libnftnl takes the outer one
            // for. From here on it frees the inner one.
            unsafe { sys::nftnl_expr_add_expr(pointer, sys::NFTNL_EXPR_DYNSET_EXPRESSIONS, inner) }
        }
        expression
    }

    fn into_raw(self) -> NonNull<sys::nftnl_expr> {
        std::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for OwnedExpression {
    fn drop(&mut self) {
        // SAFETY: libnftnl allocated it, and whoever owns it after `into_raw` comes not through here.
        unsafe { sys::nftnl_expr_free(self.0.as_ptr()) }
    }
}

/// How nftnl's rules take their expressions.
impl Expression for Instruction<'_> {
    fn to_expr(&self, _rule: &nftnl::Rule) -> NonNull<sys::nftnl_expr> {
        OwnedExpression::new(self).into_raw()
    }
}

/// A list of userdata that is freed when it goes out of scope.
#[derive(Debug)]
struct Userdata(NonNull<sys::nftnl_udata_buf>);

impl Userdata {
    fn new() -> Self {
        // SAFETY: it takes a number, and gives a new buffer or null.
        Self(allocated(unsafe { sys::nftnl_udata_buf_alloc(USERDATA_LEN) }))
    }

    fn to_vec(&self) -> Vec<u8> {
        // SAFETY: the buffer is valid, and its data has that many bytes, all of them written, that
        // stay as they are while `self` is borrowed.
        let bytes = unsafe {
            let len = sys::nftnl_udata_buf_len(self.0.as_ptr()) as usize;
            std::slice::from_raw_parts(sys::nftnl_udata_buf_data(self.0.as_ptr()).cast::<u8>(), len)
        };
        bytes.to_vec()
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        // SAFETY: libnftnl allocated it, and nobody else frees it.
        unsafe { sys::nftnl_udata_buf_free(self.0.as_ptr()) }
    }
}

/// Userdata that holds a comment. One that has no room is left out: it is measured before.
pub fn comment(kind: u32, text: &CStr) -> Vec<u8> {
    let userdata = Userdata::new();
    // SAFETY: the buffer is empty, and the function checks that the text, which has its NUL, fits.
    unsafe { sys::nftnl_udata_put_strz(userdata.0.as_ptr(), kind as u8, text.as_ptr()) };
    userdata.to_vec()
}

/// Userdata that holds a number, in host order.
pub fn number(kind: u32, value: u32) -> Vec<u8> {
    let userdata = Userdata::new();
    // SAFETY: the buffer is empty, and the function checks that the number fits.
    unsafe { sys::nftnl_udata_put_u32(userdata.0.as_ptr(), kind as u8, value) };
    userdata.to_vec()
}

/// A netlink message. It has room for the longest one there can be, since libmnl looks for none.
#[derive(Debug)]
pub struct Message {
    /// In words, as a header is aligned.
    words: Vec<u32>,
}

impl Message {
    /// The message that begins a batch for that generation.
    pub fn begin(sequence: u32, generation: u32) -> Self {
        let mut message = Self::empty();
        // SAFETY: there is room for a header and one number, and `header` points into it.
        unsafe {
            let header = sys::nftnl_batch_begin(message.as_mut_ptr(), sequence);
            mnl_sys::mnl_attr_put_u32(header, NFNL_BATCH_GENID, generation.to_be());
        }
        message
    }

    /// The message that ends a batch.
    pub fn end(sequence: u32) -> Self {
        let mut message = Self::empty();
        // SAFETY: there is room for a header.
        unsafe { sys::nftnl_batch_end(message.as_mut_ptr(), sequence) };
        message
    }

    /// The message that adds or deletes a rule. nftnl would ask for an acknowledgement, and those
    /// of a few hundred rules overrun the socket: the flags are `flags` and nothing else.
    pub fn rule(rule: &nftnl::Rule, what: MsgType, flags: u16, sequence: u32) -> Self {
        let mut message = Self::empty();
        // SAFETY: there are the `nft_nlmsg_maxsize` bytes that it asks for. A rule needs fewer: it
        // has at most 128 expressions of less than 400 bytes (`expression::instructions`).
        unsafe { rule.write(message.as_mut_ptr().cast(), sequence, what) };
        // SAFETY: a header stands at the start, aligned, and nobody else points to it.
        unsafe { (*message.words.as_mut_ptr().cast::<nlmsghdr>()).nlmsg_flags = REQUEST | flags };
        message
    }

    fn write(kind: Kind, flags: u16, sequence: u32, build: impl FnOnce(*mut nlmsghdr)) -> Self {
        let mut message = Self::empty();
        // SAFETY: there is room for a header, which is aligned.
        let header = unsafe {
            sys::nftnl_nlmsg_build_hdr(message.as_mut_ptr(), kind as u16, u16::from(FAMILY_INET), flags, sequence)
        };
        build(header);
        message
    }

    fn empty() -> Self {
        Self { words: vec![0; nft_nlmsg_maxsize().div_ceil(4) as usize] }
    }

    fn as_mut_ptr(&mut self) -> *mut c_char {
        self.words.as_mut_ptr().cast()
    }

    /// The message as it is sent.
    pub fn bytes(&self) -> &[u8] {
        // The header begins with the length.
        let len = self.words.first().map_or(0, |len| *len as usize);
        let len = len.min(size_of_val(self.words.as_slice()));
        // SAFETY: so many bytes there are, and any will do as bytes.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), len) }
    }
}

/// What was allocated. Where no few bytes are left, the program ends, as everywhere in Rust.
fn allocated<T>(pointer: *mut T) -> NonNull<T> {
    NonNull::new(pointer).unwrap_or_else(|| std::process::abort())
}

/// A setter fails when it cannot allocate its copy.
fn abort_if_failed(result: c_int) {
    if result < 0 {
        std::process::abort();
    }
}
