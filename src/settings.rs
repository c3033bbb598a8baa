//! Setters of settings: a method for each field, named as the field.
//!
//! A struct of settings is `#[non_exhaustive]`, so that a further setting breaks nobody's code; what other crates cannot
//! write as a literal they build by these.

/// Writes the setters of a struct of settings. What a setting means, its unit, default and consequence are told once,
/// at its field. `tests/floors` holds that no field is forgotten.
macro_rules! setters {
    ($settings:ident $(<$lifetime:lifetime>)? { $($field:ident: $ty:ty,)+ }) => {
        impl $(<$lifetime>)? $settings $(<$lifetime>)? {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $ty) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

pub(crate) use setters;
