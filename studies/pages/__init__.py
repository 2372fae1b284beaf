"""Pages and exports of outcomes, and the facts and sentences that they show."""
