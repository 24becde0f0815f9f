// The second view: what the model does with the face on the page.

export class Inside {
  constructor(place, source) {
    this.place = place;
    this.source = source;
    this.visible = false;
  }

  update() {}
}
