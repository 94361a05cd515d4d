//! Values under integers.

/// An integer is used again after its value was removed.
pub struct Slab<T>(Vec<Option<T>>);

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Slab<T> {
    pub fn insert(&mut self, value: T) -> usize {
        if let Some(index) = self.0.iter().position(Option::is_none) {
            self.0[index] = Some(value);
            return index;
        }
        self.0.push(Some(value));
        self.0.len() - 1
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index)?.as_ref()
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index)?.as_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub fn remove(&mut self, index: usize) -> Option<T> {
        self.0.get_mut(index)?.take()
    }
}
