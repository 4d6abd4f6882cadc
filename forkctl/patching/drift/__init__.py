"""Every patch on every version that upstream ever had."""
