//! Many bytes at once.

use serde_json::Value;

use super::Lab;

impl Lab {
    /// Downloads 10 MB as `traffic download` does, from an address and port.
    ///
    /// # Panics
    /// When they do not all come in time.
    #[track_caller]
    pub fn download(&self, place: &str, from: &str) {
        let download = self.try_download(place, from);
        assert_eq!(download["complete"], true, "{place}: {from}: {download}");
    }

    /// As [`Lab::download`], whatever comes of it.
    #[track_caller]
    pub fn try_download(&self, place: &str, from: &str) -> Value {
        serde_json::from_str(&self.exec(place, &format!("traffic download {from}"))).unwrap()
    }
}
