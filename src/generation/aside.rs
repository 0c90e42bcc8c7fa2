//! What a generation is made from, while the kernel is asked.

use super::{Sources, Store, StoreError};

/// The sources of a new generation: here until its file has them, and from there when they are wanted again, as where
/// the kernel refuses it. A configuration of a million networks has 21 MiB, and their batch 40.
pub(super) struct Aside<'a> {
    store: &'a Store,
    sources: &'a mut Option<Sources>,
    /// The generation whose file has them.
    kept_in: Option<u64>,
}

impl<'a> Aside<'a> {
    pub fn new(store: &'a Store, sources: &'a mut Option<Sources>) -> Self {
        Self { store, sources, kept_in: None }
    }

    /// They are in the file of that generation from now on.
    pub fn lay_in(&mut self, number: u64) {
        if self.sources.take().is_some() {
            self.kept_in = Some(number);
        }
    }

    /// They are here again.
    ///
    /// # Errors
    /// Where the file is not there any more or makes no sense.
    pub fn fetch(&mut self) -> Result<Option<&Sources>, StoreError> {
        if let Some(number) = self.kept_in {
            *self.sources = self.store.sources_of(number)?;
            self.kept_in = None;
        }
        Ok(self.sources.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Texts;
    use crate::generation::{Author, Generation};
    use crate::policies::{now, plain};

    #[test]
    fn they_come_back_from_the_generations_file_and_their_loss_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let texts = Texts::around(directory.path()).with_drop_in(directory.path(), "# \"\\\n\u{7f}é".to_owned());
        let sources = Some(Sources::new(texts, None));
        let (author, changes, policy) = (Author::current(), Vec::new(), plain());
        let generation = Generation {
            number: 7,
            applied: now(),
            author,
            parent: None,
            changes,
            policy,
            sources: sources.clone(),
            revised: None,
        };
        store.put(&generation).unwrap();
        let mut planned = sources.clone();
        let mut aside = Aside::new(&store, &mut planned);
        aside.lay_in(7);
        assert!(aside.sources.is_none());
        assert_eq!(aside.fetch().unwrap(), sources.as_ref());
        aside.lay_in(7);
        store.forget(7).unwrap();
        assert!(matches!(aside.fetch(), Err(StoreError::Missing { number: 7, .. })));
    }
}
