extension Duration {
    /// Whole milliseconds, rounded towards zero. Without the limit of `wholeMilliseconds`: values from Redis
    /// are passed on as they are.
    var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
