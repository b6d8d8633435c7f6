//! Lines of descent, drawn beside a list of versions in which each stands before its parents.

/// What is drawn beside one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beside {
    /// Beside its first line.
    pub(crate) first: String,
    /// Beside its other lines.
    pub(crate) rest: String,
    /// Lines below it, before the next version.
    pub(crate) below: Vec<String>,
}

/// The lanes that are open: for each the id that it leads to.
#[derive(Debug)]
pub(crate) struct Graph<T> {
    lanes: Vec<T>,
}

impl<T: Copy + PartialEq> Graph<T> {
    /// No lanes yet.
    pub(crate) const fn new() -> Self {
        Self { lanes: Vec::new() }
    }

    /// Draws the next version. Of `parents` only those count that will come.
    pub(crate) fn next(&mut self, id: T, parents: &[T]) -> Beside {
        let at = self.lanes.iter().position(|lane| *lane == id).unwrap_or_else(|| {
            self.lanes.push(id);
            self.lanes.len() - 1
        });
        let lanes = |own: char| {
            let marks = (0..self.lanes.len()).map(|lane| if lane == at { own } else { '|' });
            draw(marks.enumerate().map(|(lane, mark)| (2 * lane, mark)))
        };
        let first = lanes('*');
        let rest = lanes(if parents.is_empty() { ' ' } else { '|' });
        let mut below = Vec::new();
        match parents.split_first() {
            None => self.end(at, &mut below),
            Some((first_parent, others)) => {
                self.lanes[at] = *first_parent;
                for (number, parent) in others.iter().enumerate() {
                    self.fork(at + number, *parent, &mut below);
                }
            }
        }
        self.join(&mut below);
        Beside { first, rest, below }
    }

    /// A lane ends: those to its right move left.
    fn end(&mut self, at: usize, below: &mut Vec<String>) {
        self.lanes.remove(at);
        if at < self.lanes.len() {
            let stay = (0..at).map(|lane| (2 * lane, '|'));
            let moved = (at..self.lanes.len()).map(|lane| (2 * lane + 1, '/'));
            below.push(draw(stay.chain(moved)));
        }
    }

    /// A lane begins to the right of another: those behind it move right.
    fn fork(&mut self, at: usize, to: T, below: &mut Vec<String>) {
        let stay = (0..=at).map(|lane| (2 * lane, '|'));
        let moved = (at..self.lanes.len()).map(|lane| (2 * lane + 1, '\\'));
        below.push(draw(stay.chain(moved)));
        self.lanes.insert(at + 1, to);
    }

    /// Lanes that lead to the same version become one, the leftmost.
    fn join(&mut self, below: &mut Vec<String>) {
        let mut lane = 1;
        while lane < self.lanes.len() {
            let Some(into) = self.lanes[..lane].iter().position(|other| *other == self.lanes[lane]) else {
                lane += 1;
                continue;
            };
            let stay = (0..lane).map(|lane| (2 * lane, '|'));
            let across = (into..lane - 1).map(|lane| (2 * lane + 1, '_'));
            let moved = (lane..self.lanes.len()).map(|lane| (2 * lane - 1, '/'));
            below.push(draw(stay.chain(across).chain(moved)));
            self.lanes.remove(lane);
        }
    }
}

/// Marks at their columns.
fn draw(marks: impl Iterator<Item = (usize, char)>) -> String {
    let mut line: Vec<char> = Vec::new();
    for (column, mark) in marks {
        if line.len() <= column {
            line.resize(column + 1, ' ');
        }
        line[column] = mark;
    }
    line.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(history: &[(char, &str)]) -> String {
        let mut graph = Graph::new();
        let mut lines = Vec::new();
        for (id, parents) in history {
            let beside = graph.next(*id, &parents.chars().collect::<Vec<_>>());
            lines.push(format!("{} {id}", beside.first));
            lines.extend(beside.below);
        }
        lines.join("\n")
    }

    #[test]
    fn a_line() {
        insta::assert_snapshot!(drawn(&[('c', "b"), ('b', "a"), ('a', "")]), @r"
        * c
        * b
        * a
        ");
    }

    #[test]
    fn a_merge() {
        insta::assert_snapshot!(drawn(&[('m', "ab"), ('b', "r"), ('a', "r"), ('r', "")]), @r"
        * m
        |\
        | * b
        * | a
        |/
        * r
        ");
    }

    #[test]
    fn two_lines_that_begin_apart() {
        insta::assert_snapshot!(drawn(&[('a', "r"), ('x', "y"), ('r', ""), ('y', "")]), @r"
        * a
        | * x
        * | r
         /
        * y
        ");
    }

    #[test]
    fn an_octopus_and_a_lane_that_crosses() {
        insta::assert_snapshot!(
            drawn(&[('m', "abc"), ('c', "r"), ('b', "z"), ('a', "r"), ('r', "z"), ('z', "")]), @r"
        * m
        |\
        | |\
        | | * c
        | * | b
        * | | a
        |_|/
        * | r
        |/
        * z
        ");
    }

    #[test]
    fn a_line_that_goes_on_beside_a_merge() {
        insta::assert_snapshot!(drawn(&[('x', "r"), ('m', "ab"), ('b', "r"), ('a', "r"), ('r', "")]), @r"
        * x
        | * m
        | |\
        | | * b
        |_|/
        | * a
        |/
        * r
        ");
    }
}
