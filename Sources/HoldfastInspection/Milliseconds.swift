extension Duration {
    /// Whole milliseconds, rounded towards zero. Without the limit of `wholeMilliseconds`: what Redis told is passed on
    /// as it is.
    var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
