//! Integration tests, in one binary.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod moto;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod wire_fix;
#[cfg(test)]
mod worlds;
