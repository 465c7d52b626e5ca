from flask import Flask
from genkan import Genkan, login_required, require_session

app = Flask(__name__)
Genkan(app)

@app.get("/private")
@login_required
def private():
    return {"user": require_session().user.name}
