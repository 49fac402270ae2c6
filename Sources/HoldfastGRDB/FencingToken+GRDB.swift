#if GRDB
    public import GRDB
    public import Holdfast

    /// A fence binds to a statement, and is read from a row, as the `INTEGER` that it is.
    extension FencingToken: DatabaseValueConvertible {}
#else
    #error("HoldfastGRDB needs its trait: .package(…, traits: [\"GRDB\"]) or --enable-all-traits")
#endif
