//! Integration tests, in one binary.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod worlds;
