//! Cuts an answer to what AWS clients know.

use serde_json::Value;

use super::{Shape, Shapes};

impl Shapes {
    /// Removes every member that the shape does not have: REST bodies tell more than AWS does.
    pub(in crate::aws) fn cut(&self, shape: &str, answer: &mut Value) {
        match (self.named(shape), answer) {
            (Shape::Structure(members), Value::Object(given)) => {
                given.retain(|name, value| {
                    let known = members.iter().find(|member| member.name == name);
                    if let Some(member) = known {
                        self.cut(member.shape, value);
                    }
                    known.is_some() && !value.is_null()
                });
            }
            (Shape::List { of, .. }, Value::Array(given)) => {
                given.iter_mut().for_each(|value| self.cut(of, value));
            }
            _ => {}
        }
    }
}
