//! Integration tests, in one binary.

#[cfg(test)]
mod action;
#[cfg(test)]
mod apply;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod canned;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod field;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod fleet_world;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod formats;
#[cfg(feature = "lambda")]
#[cfg(test)]
mod lambda;
#[cfg(test)]
mod moto;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod performance;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod prompt;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod sarif;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod terraform;
#[cfg(test)]
mod waits;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod wire_apply;
#[cfg(test)]
mod wire_cloudformation;
#[cfg(test)]
mod wire_ec2;
#[cfg(test)]
mod wire_emit;
#[cfg(test)]
mod wire_fix;
#[cfg(test)]
mod wire_fleet;
#[cfg(test)]
mod wire_identity;
#[cfg(test)]
mod wire_narrow;
#[cfg(test)]
mod wire_organizations;
#[cfg(test)]
mod wire_pressure;
#[cfg(test)]
mod wire_trust;
#[cfg(test)]
mod wire_verify;
#[cfg(test)]
mod worlds;
