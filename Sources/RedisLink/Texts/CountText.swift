extension Int {
    /// For people: so many of a thing, `1 message` and `2 messages`.
    package func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
