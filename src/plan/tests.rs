//! Plans on JSON cases in fixtures/planner, and properties of all plans.

mod cases;
mod organizations;
mod parts;
mod properties;
mod rollback;
mod several_keys;
mod texts;
mod world;
