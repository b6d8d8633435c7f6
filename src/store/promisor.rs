//! Objects that are not here and can be had: the way to them.
//!
//! A database may have a promisor: when something is not found, it is asked for it before that is believed. What it
//! brings lies in the database from then on.

use super::StoreError;
use crate::codec::pack::RecordKind;
use crate::model::Monitor;

/// What a record is found by.
pub type RecordKey = (RecordKind, [u8; 32]);

/// Whoever has objects that a database lacks.
pub trait Promisor: Send + Sync + std::fmt::Debug {
    /// Tells of each of these records whether it can be had now. A blob can be had under the kind of either form. Who is
    /// `thorough` does not believe a list, but looks whether what it names is there.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn holds(
        &self,
        wanted: &[RecordKey],
        thorough: bool,
        monitor: &Monitor<'_>,
    ) -> Result<Vec<bool>, StoreError>;

    /// Brings records into the folder of the database, whose indexes are to be looked at anew after that. A blob that is
    /// asked for under the kind of either form comes whole, with its chunks. What cannot be had is passed over.
    ///
    /// # Errors
    /// When something that can be had did not come, or is damaged.
    fn bring(&self, wanted: &[RecordKey], monitor: &Monitor<'_>) -> Result<(), StoreError>;
}
