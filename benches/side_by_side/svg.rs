//! Line charts in SVG. Readable in light and dark: each has its own ground, and colours for both. Readable without colours: each line
//! has its name at its end.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 430.0;
/// The corners of the plot.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 610.0;
const TOP: f64 = 58.0;
const BOTTOM: f64 = 366.0;
/// From one name to the next.
const ROOM: f64 = 18.0;

/// Ink on light ground, and on dark.
const COLOURS: [(&str, &str); 5] =
    [("#00695c", "#4dd0b1"), ("#b45309", "#fbbf24"), ("#b3134b", "#fb7ba0"), ("#52606d", "#a9b4c0"), ("#1d4ed8", "#8fb4ff")];

/// What is drawn.
pub struct Chart {
    pub title: &'static str,
    pub x: Axis,
    pub y: Axis,
    pub lines: Vec<Line>,
}

/// A name with its unit, and the marks on it. What is shown reaches from the first mark to the last.
pub struct Axis {
    pub name: &'static str,
    pub marks: Vec<f64>,
    /// Each power of ten as long as the next.
    pub logarithmic: bool,
}

/// Points from left to right.
pub struct Line {
    pub name: String,
    /// Which of the five.
    pub colour: usize,
    /// What does not change: dashes without points.
    pub dashed: bool,
    pub points: Vec<(f64, f64)>,
}

impl Axis {
    /// From zero, in round steps, to where `most` is below.
    pub fn from_zero(name: &'static str, most: f64) -> Self {
        let decade = 10f64.powf((most / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * decade).find(|step| step * 5.0 >= most);
        let step = step.unwrap_or(most);
        let count = (most / step).ceil().max(1.0) as u32;
        Self { name, marks: (0..=count).map(|number| f64::from(number) * step).collect(), logarithmic: false }
    }

    /// Powers of ten around all of `values`.
    pub fn decades(name: &'static str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let first = values.clone().fold(f64::MAX, f64::min).log10().floor() as i32;
        let last = values.fold(f64::MIN, f64::max).log10().ceil() as i32;
        Self { name, marks: (first..=last.max(first + 1)).map(|power| 10f64.powi(power)).collect(), logarithmic: true }
    }

    /// Where a value is: 0 at the first mark, 1 at the last.
    fn place(&self, value: f64) -> f64 {
        let scaled = |value: f64| if self.logarithmic { value.log10() } else { value };
        let [first, last] = [self.marks.first(), self.marks.last()].map(|mark| scaled(mark.copied().unwrap_or_default()));
        (scaled(value) - first) / (last - first)
    }
}

impl Chart {
    /// The whole file.
    pub fn draw(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" aria-label=\"{}\">\n\
             <style>\n{}</style>\n<rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"30\">{}</text>\n",
            self.title,
            style(),
            self.title
        );
        self.frame(&mut svg);
        // The first is on top.
        for line in self.lines.iter().rev() {
            self.line(&mut svg, line);
        }
        self.names(&mut svg);
        svg + "</svg>\n"
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (LEFT + (RIGHT - LEFT) * self.x.place(x), BOTTOM - (BOTTOM - TOP) * self.y.place(y))
    }

    /// Marks, and what the axes are.
    fn frame(&self, svg: &mut String) {
        let (first_x, first_y) = (self.x.marks.first().copied(), self.y.marks.first().copied());
        let (first_x, first_y) = (first_x.unwrap_or_default(), first_y.unwrap_or_default());
        for &mark in &self.y.marks {
            let (_, y) = self.at((first_x, mark));
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            let _ = writeln!(svg, "<text class=\"end\" x=\"{}\" y=\"{:.1}\">{}</text>", LEFT - 8.0, y + 4.5, number(mark));
        }
        for &mark in &self.x.marks {
            let (x, _) = self.at((mark, first_y));
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {BOTTOM}v5\"/>");
            let _ = writeln!(svg, "<text class=\"middle\" x=\"{x:.1}\" y=\"{}\">{}</text>", BOTTOM + 20.0, number(mark));
        }
        let (middle, low) = ((LEFT + RIGHT) / 2.0, BOTTOM + 44.0);
        let _ = writeln!(svg, "<text class=\"middle\" x=\"{middle}\" y=\"{low}\">{}</text>", self.x.name);
        let high = (TOP + BOTTOM) / 2.0;
        let _ = writeln!(svg, "<text class=\"middle\" transform=\"translate(22 {high}) rotate(-90)\">{}</text>", self.y.name);
    }

    fn line(&self, svg: &mut String, line: &Line) {
        let places: Vec<_> = line.points.iter().map(|point| self.at(*point)).collect();
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let dashed = if line.dashed { " dashed" } else { "" };
        let _ = writeln!(svg, "<path class=\"line c{}{dashed}\" d=\"M{}\"/>", line.colour, path.join("L"));
        for (x, y) in places.iter().filter(|_| !line.dashed) {
            let _ = writeln!(svg, "<circle class=\"point c{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>", line.colour);
        }
    }

    /// Beside the ends of the lines, moved apart where two are too near.
    fn names(&self, svg: &mut String) {
        let ends = self.lines.iter().filter_map(|line| Some((self.at(*line.points.last()?).1, line)));
        let mut ends: Vec<_> = ends.collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        // From below: the lowest stays above the axis, each other one above the one below it.
        let mut limit = BOTTOM;
        for (place, line) in ends.iter().rev() {
            let y = place.min(limit);
            limit = y - ROOM;
            let _ = writeln!(
                svg,
                "<text class=\"c{}\" x=\"{}\" y=\"{:.1}\">{}</text>",
                line.colour,
                RIGHT + 12.0,
                y + 4.5,
                line.name
            );
        }
    }
}

fn style() -> String {
    let mut style = "text { font: 14px system-ui, sans-serif; fill: #1f2933; }\n.title { font-size: 17px; font-weight: 600; }\n\
                     .end { text-anchor: end; }\n.middle { text-anchor: middle; }\n.ground { fill: #fff; }\n.grid { stroke: #cbd2d9; fill: none; }\n\
                     .line { fill: none; stroke-width: 2; }\n.line.c0 { stroke-width: 3.5; }\n.dashed { stroke-dasharray: 3 5; }\n"
        .to_owned();
    colours(&mut style, |(light, _)| light);
    style += "@media (prefers-color-scheme: dark) {\ntext { fill: #e4e7eb; }\n.ground { fill: #12181f; }\n.grid { stroke: #3e4c59; }\n";
    colours(&mut style, |(_, dark)| dark);
    style + "}\n"
}

fn colours(style: &mut String, which: fn((&'static str, &'static str)) -> &'static str) {
    for (number, colour) in COLOURS.into_iter().map(which).enumerate() {
        let _ = writeln!(style, ".line.c{number} {{ stroke: {colour}; }} text.c{number}, .point.c{number} {{ fill: {colour}; }}");
    }
}

/// A mark: thousands with a comma, and no digit too many.
fn number(value: f64) -> String {
    if value >= 1000.0 {
        let whole = value.round() as u64;
        return format!("{},{:03}", whole / 1000, whole % 1000);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
